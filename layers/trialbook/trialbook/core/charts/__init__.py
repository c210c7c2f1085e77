"""Charts as data: Vega-Lite specs made of an analysis, each with a text that says its finding."""
