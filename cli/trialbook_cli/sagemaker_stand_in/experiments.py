"""Experiments, trials, trial components and who is in which."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trialbook_cli.sagemaker_stand_in.errors import not_found, over_quota, validation_error
from trialbook_cli.sagemaker_stand_in.paging import page

TRIALS_PER_EXPERIMENT, COMPONENTS_PER_TRIAL = 300, 50


@dataclass(slots=True)
class _Experiment:
    name: str
    created: datetime
    fields: dict[str, Any]
    trials: dict[str, "_Trial"] = field(default_factory=dict)


@dataclass(slots=True)
class _Trial:
    name: str
    experiment: str
    created: datetime
    fields: dict[str, Any]
    components: dict[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Component:
    """A trial component; `describe` gives what a job's component tells now. `appears` is when a call first sees it."""

    name: str
    appears: datetime
    fields: dict[str, Any]
    source_arn: str | None = None
    describe: Callable[[], dict[str, Any]] | None = None
    trials: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Experiments:
    """Names are compared without regard to case, as SageMaker does; `count_job_components` lets the components that
    SageMaker makes for jobs count towards a trial's quota, which is not known of the real one."""

    arn: Callable[[str, str], str]
    now: Callable[[], datetime]
    count_job_components: bool = False
    experiments: dict[str, _Experiment] = field(default_factory=dict)
    trials: dict[str, _Trial] = field(default_factory=dict)
    components: dict[str, Component] = field(default_factory=dict)
    by_source: dict[str, str] = field(default_factory=dict)

    # -- experiments --------------------------------------------------------------------------------------------

    def create_experiment(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateExperiment."""
        name = request["ExperimentName"]
        if name.lower() in self.experiments:
            raise validation_error(f"Experiment names must be unique within an AWS account and region. {_exists(name)}")
        self.experiments[name.lower()] = _Experiment(name, self.now(), dict(request))
        return {"ExperimentArn": self.arn("experiment", name)}

    def describe_experiment(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeExperiment."""
        return self._described(self._experiment(request["ExperimentName"]))

    def _described(self, experiment: _Experiment) -> dict[str, Any]:
        names = ("DisplayName", "Description")
        optional: dict[str, Any] = {key: experiment.fields[key] for key in names if key in experiment.fields}
        return {
            "ExperimentName": experiment.name,
            "ExperimentArn": self.arn("experiment", experiment.name),
            "DisplayName": experiment.name,
            "CreationTime": experiment.created,
            "LastModifiedTime": experiment.created,
            **optional,
        }

    def update_experiment(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateExperiment."""
        experiment = self._experiment(request["ExperimentName"])
        experiment.fields.update(request)
        return {"ExperimentArn": self.arn("experiment", experiment.name)}

    def delete_experiment(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteExperiment: its trials have to be gone."""
        experiment = self._experiment(request["ExperimentName"])
        if experiment.trials:
            raise validation_error(f"Experiment {experiment.name} has trials, delete them first")
        del self.experiments[experiment.name.lower()]
        return {"ExperimentArn": self.arn("experiment", experiment.name)}

    def list_experiments(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListExperiments."""
        summary = ("ExperimentArn", "ExperimentName", "DisplayName", "CreationTime", "LastModifiedTime")
        summaries = [{key: self._described(each)[key] for key in summary} for each in self.experiments.values()]
        return page(_sorted(summaries, request, "ExperimentName"), request, "ExperimentSummaries")

    def _experiment(self, name: str) -> _Experiment:
        found = self.experiments.get(name.lower())
        if found is None:
            raise not_found(f"Experiment '{name}' does not exist.")
        return found

    # -- trials -------------------------------------------------------------------------------------------------

    def create_trial(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateTrial, in an experiment with room for it; names are unique in the account, not in the experiment."""
        name, experiment = request["TrialName"], self._experiment(request["ExperimentName"])
        if name.lower() in self.trials:
            raise validation_error(f"Trial names must be unique within an AWS account and region. {_exists(name)}")
        if len(experiment.trials) >= TRIALS_PER_EXPERIMENT:
            raise over_quota(
                f"The account-level service limit 'Total number of trials allowed in a single experiment, excluding"
                f" those created by SageMaker' is {TRIALS_PER_EXPERIMENT} Trials, with current utilization of"
                f" {len(experiment.trials)} Trials and a request delta of 1 Trials."
            )
        trial = _Trial(name, experiment.name, self.now(), dict(request))
        self.trials[name.lower()] = experiment.trials[name.lower()] = trial
        return {"TrialArn": self.arn("experiment-trial", name)}

    def describe_trial(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeTrial."""
        trial = self._trial(request["TrialName"])
        return {**self._trial_summary(trial), "ExperimentName": trial.experiment}

    def _trial_summary(self, trial: _Trial) -> dict[str, Any]:
        return {
            "TrialName": trial.name,
            "TrialArn": self.arn("experiment-trial", trial.name),
            "DisplayName": trial.fields.get("DisplayName", trial.name),
            "CreationTime": trial.created,
            "LastModifiedTime": trial.created,
        }

    def update_trial(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateTrial."""
        trial = self._trial(request["TrialName"])
        trial.fields.update(request)
        return {"TrialArn": self.arn("experiment-trial", trial.name)}

    def delete_trial(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteTrial: its components have to be disassociated."""
        trial = self._trial(request["TrialName"])
        if trial.components:
            raise validation_error(f"Trial {trial.name} has trial components, disassociate them first")
        del self.trials[trial.name.lower()]
        del self._experiment(trial.experiment).trials[trial.name.lower()]
        return {"TrialArn": self.arn("experiment-trial", trial.name)}

    def list_trials(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListTrials, of an experiment or with a component."""
        trials: Iterable[_Trial] = self.trials.values()
        if "ExperimentName" in request:
            trials = self._experiment(request["ExperimentName"]).trials.values()
        if "TrialComponentName" in request:
            component = self.component(request["TrialComponentName"])
            trials = [trial for trial in trials if trial.name.lower() in component.trials]
        summaries = [self._trial_summary(trial) for trial in trials]
        return page(_sorted(summaries, request, "TrialName"), request, "TrialSummaries")

    def _trial(self, name: str) -> _Trial:
        found = self.trials.get(name.lower())
        if found is None:
            raise not_found(f"Trial '{name}' does not exist.")
        return found

    # -- components ---------------------------------------------------------------------------------------------

    def add_component(self, component: Component) -> None:
        """A component that SageMaker makes for a job."""
        self.components[component.name.lower()] = component
        if component.source_arn:
            self.by_source[component.source_arn.lower()] = component.name.lower()

    def remove_component(self, name: str) -> None:
        """A component goes with its job, out of the trials that it is in."""
        gone = self.components.pop(name.lower())
        for trial in gone.trials:
            self.trials[trial].components.pop(gone.name.lower(), None)

    def component(self, name: str) -> Component:
        """A component that has appeared by now."""
        found = self.components.get(name.lower())
        if found is None or found.appears > self.now():
            raise not_found(f"TrialComponent '{name}' does not exist.")
        return found

    def create_trial_component(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateTrialComponent."""
        name = request["TrialComponentName"]
        if name.lower() in self.components:
            raise validation_error(
                f"TrialComponent names must be unique within an AWS account and region. {_exists(name)}"
            )
        self.add_component(Component(name, self.now(), dict(request)))
        return {"TrialComponentArn": self.arn("experiment-trial-component", name)}

    def describe_trial_component(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeTrialComponent."""
        component = self.component(request["TrialComponentName"])
        own = {key: value for key, value in component.fields.items() if key != "Tags"}
        described = component.describe() if component.describe else {}
        summary = self._component_summary(component)
        source = {"Source": summary.pop("TrialComponentSource")} if component.source_arn else {}
        return {**summary, **source, **described, **own}

    def _component_summary(self, component: Component) -> dict[str, Any]:
        summary = {
            "TrialComponentName": component.name,
            "TrialComponentArn": self.arn("experiment-trial-component", component.name),
            "DisplayName": component.name,
            "CreationTime": component.appears,
            "LastModifiedTime": component.appears,
        }
        if component.source_arn:
            kind = component.source_arn.split(":")[5].split("/")[0]
            source = "SageMaker" + "".join(word.title() for word in kind.split("-"))
            return {**summary, "TrialComponentSource": {"SourceArn": component.source_arn, "SourceType": source}}
        return summary

    def update_trial_component(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateTrialComponent: merges by key."""
        component = self.component(request["TrialComponentName"])
        for key in ("Parameters", "InputArtifacts", "OutputArtifacts"):
            if key in request:
                component.fields[key] = {**component.fields.get(key, {}), **request[key]}
        component.fields.update({key: request[key] for key in ("DisplayName", "Status") if key in request})
        return {"TrialComponentArn": self.arn("experiment-trial-component", component.name)}

    def delete_trial_component(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteTrialComponent: it has to be out of all trials."""
        component = self.component(request["TrialComponentName"])
        if component.trials:
            raise validation_error(f"TrialComponent {component.name} is associated with trials, disassociate it first")
        del self.components[component.name.lower()]
        return {"TrialComponentArn": self.arn("experiment-trial-component", component.name)}

    def list_trial_components(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListTrialComponents: all, of an experiment, of a trial, or by the ARN of their source."""
        names: Iterable[str] = list(self.components)
        if "SourceArn" in request:
            found = self.by_source.get(request["SourceArn"].lower())
            names = [found] if found else []
        if "TrialName" in request:
            names = [name for name in names if name in self._trial(request["TrialName"]).components]
        if "ExperimentName" in request:
            trials = self._experiment(request["ExperimentName"]).trials.values()
            names = [name for name in names if any(name in trial.components for trial in trials)]
        there = [self.components[name] for name in names if self.components[name].appears <= self.now()]
        summaries = [self._component_summary(each) for each in there]
        return page(_sorted(summaries, request, "TrialComponentName"), request, "TrialComponentSummaries")

    def associate_trial_component(self, request: dict[str, Any]) -> dict[str, Any]:
        """AssociateTrialComponent; associating again is no error."""
        component, trial = self.component(request["TrialComponentName"]), self._trial(request["TrialName"])
        if component.name.lower() not in trial.components:
            counted = self._counted(trial.components) if self._counts(component) else []
            if len(counted) >= COMPONENTS_PER_TRIAL:
                raise over_quota(
                    f"The account-level service limit 'Total number of trial components allowed in a single trial,"
                    f" excluding those created by SageMaker' is {COMPONENTS_PER_TRIAL} TrialComponents, with current"
                    f" utilization of {len(counted)} TrialComponents and a request delta of 1 TrialComponents."
                )
            self.place(component, trial.name)
        return {
            "TrialComponentArn": self.arn("experiment-trial-component", component.name),
            "TrialArn": self.arn("experiment-trial", trial.name),
        }

    def _counted(self, names: Iterable[str]) -> list[str]:
        """The components that count towards a trial's limit."""
        return [name for name in names if self._counts(self.components[name])]

    def _counts(self, component: Component) -> bool:
        """Those that SageMaker made for jobs do not, unless `count_job_components`."""
        return self.count_job_components or component.source_arn is None

    def place(self, component: Component, trial: str) -> None:
        """Puts a component into a trial, as SageMaker does itself for a job with an ExperimentConfig."""
        self._trial(trial).components[component.name.lower()] = self.now()
        component.trials.add(trial.lower())

    def disassociate_trial_component(self, request: dict[str, Any]) -> dict[str, Any]:
        """DisassociateTrialComponent."""
        component, trial = self.component(request["TrialComponentName"]), self._trial(request["TrialName"])
        if component.name.lower() not in trial.components:
            raise not_found(f"TrialComponent '{component.name}' is not associated with Trial '{trial.name}'.")
        del trial.components[component.name.lower()]
        component.trials.discard(trial.name.lower())
        return {
            "TrialComponentArn": self.arn("experiment-trial-component", component.name),
            "TrialArn": self.arn("experiment-trial", trial.name),
        }

    def ensure(self, experiment: str, trial: str) -> None:
        """Makes both if they are missing: what SageMaker does for tuning jobs, and what a recording implies."""
        if experiment.lower() not in self.experiments:
            self.create_experiment({"ExperimentName": experiment})
        if trial.lower() not in self.trials:
            made = _Trial(trial, experiment, self.now(), {})
            self.trials[trial.lower()] = self._experiment(experiment).trials[trial.lower()] = made

    def standing(self) -> dict[str, dict[str, list[str]]]:
        """{experiment: {trial: [component, …]}}, all sorted by name; components that have not appeared are left out."""
        now = self.now()
        return {
            experiment.name: {
                trial.name: sorted(
                    self.components[name].name for name in trial.components if self.components[name].appears <= now
                )
                for trial in sorted(experiment.trials.values(), key=lambda each: each.name)
            }
            for experiment in sorted(self.experiments.values(), key=lambda each: each.name)
        }


def _exists(name: str) -> str:
    return f"'{name}' already exists."


def _sorted(summaries: list[dict[str, Any]], request: dict[str, Any], name: str) -> list[dict[str, Any]]:
    key = name if request.get("SortBy") == "Name" else "CreationTime"
    return sorted(summaries, key=lambda each: (each[key], each[name]), reverse=request.get("SortOrder") != "Ascending")
