"""Messages as tests need them."""

from dataclasses import replace
from datetime import UTC, datetime

from trialbook.core.message import (
    Bar,
    Fact,
    Link,
    Message,
    MessageKind,
    Mood,
    Picture,
    Section,
    Stored,
    Table,
)

AT = datetime(2026, 11, 20, 10, 28, tzinfo=UTC)
# A PNG of one pixel, which mail programs show as well as any.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf000000"
    "0301010018dd8db00000000049454e44ae426082"
)
HOSTILE = (
    "<script>alert(1)</script> <!channel> *_~`\"'&amp;\r\nBcc: evil@example.com\n\u202egnp.exe\x00 ${x} {{ y }} "
    + "z" * 2500
)

SWEEP = Message(
    id="report-ready/churn-xgb@20261120T101500.123Z/1",
    about="sweep/churn-xgb@20261120T101500.123Z",
    kind=MessageKind.SWEEP,
    mood=Mood.GOOD,
    experiment="churn-xgb",
    title="churn-xgb: min_child_weight, 5 of 5 finished",
    subject="churn-xgb: 5 of 5 finished, best validation:error 0.03959208 at min_child_weight = 4",
    verdict="Best validation:error 0.03959208 at min_child_weight = 4.",
    at=AT,
    sentences=("Better than the runner-up (0.04019196) by 0.0006 (1.5%).",),
    facts=(Fact("Objective", "validation:error, minimize"), Fact("Cost", "$0.42 (estimate)")),
    table=Table(
        ("#", "validation:error", "min_child_weight", "minutes"),
        (("1", "0.03959208", "4", "1.2"), ("2", "0.04019196", "1", "1.3"), ("3", "0.04139172", "2", "1.2")),
        numbers=(0, 1, 2, 3),
        marked=0,
        caption="5 trials; the other 2 are in the report.",
    ),
    bars=(Bar("1", 0.0402), Bar("4", 0.0396)),
    bars_label="validation:error by min_child_weight",
    constants="eta 0.2, max_depth 5",
    advice=("The two best differ by less than trials do by chance: train both again with other seeds.",),
    picture=Picture(Stored("reports", "reports/a/chart.png"), "5 trials: best validation:error at 4."),
    report=Stored("reports", "reports/a/report.html"),
    links=(Link("Open the report", "https://example.com/r?a=1&b=2"), Link("Console", "https://example.com/c")),
)
FAILED = Message(
    id="job-failed/123456789012/us-east-1/TrainingJob/churn-1",
    about="job/123456789012/us-east-1/TrainingJob/churn-1",
    kind=MessageKind.JOB,
    mood=Mood.BAD,
    experiment="churn",
    title="churn-1 failed after 3 min 5 s",
    subject="churn-1 failed: AlgorithmError, exit code 1",
    verdict="AlgorithmError: CUDA out of memory, exit code 1",
    at=AT,
    links=(Link("Logs", "https://example.com/l"),),
)
WEEK = Message(
    id="best-trials/2026-11-23",
    about="best-trials/2026-11-23",
    kind=MessageKind.BEST_TRIALS,
    mood=Mood.GOOD,
    experiment="all experiments",
    title="Best trials, week to 2026-11-23",
    subject="Best trials: 1 new best in 2 experiments",
    verdict="1 of 2 experiments has a new best trial.",
    at=AT,
    sections=(
        Section(
            "churn-xgb: new best validation:error 0.0396",
            ("Better than the previous best by 0.0021.",),
            Table(("", "before", "now"), (("value", "0.0417", "0.0396"), ("min_child_weight", "8", "4")), (1, 2)),
            (Link("Report", "https://example.com/e"),),
        ),
        Section("fraud-lgbm: no new best", ("12 jobs, 2 failed, $3.10 (estimate).",)),
    ),
)


def hostile(message: Message = SWEEP, text: str = HOSTILE) -> Message:
    """The message with other people's worst text in all its places."""
    return replace(
        message,
        about=f"sweep/{text}",
        experiment=text,
        title=text,
        subject=text,
        verdict=text,
        sentences=(text,) * 50,
        facts=(Fact(text, text),) * 50,
        table=Table((text,) * 30, ((text,) * 30,) * 200, (0, 1, 29), 199, text),
        bars=(Bar(text, 1.0), Bar(text, float("inf"))),
        bars_label=text,
        constants=text,
        failures=(text,) * 50,
        advice=(text,) * 50,
        picture=Picture(Stored(text, text), text),
        report=Stored(text, text),
        links=(Link(text, "https://example.com/"), Link(text, f"https://{text}"), Link("x", "javascript:alert(1)")),
        sections=(Section(text, (text,) * 9, Table((text,), ((text,),) * 99), (Link(text, "https://e.com/"),)),) * 60,
    )
