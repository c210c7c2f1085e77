"""Runs in MLflow: one for each job, one for each sweep, made once and kept up to date.

MLflow makes another run each time it is asked to, so the ledger holds a claim before that call, and after a call whose
outcome nobody knows the run is looked for by its key. All else that is sent may be repeated. What somebody deleted in
MLflow is not made again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from trialbook.adapters.mlflow import TOO_LARGE, Created, Experiment, Mlflow
from trialbook.core.merging import is_made_anew
from trialbook.core.messages.delivery import MLFLOW, RUN_LEASE, Delivery, NotSent, RunState
from trialbook.core.mlflow_names import LONGEST_TAG, experiment_name
from trialbook.core.mlflow_runs import (
    CREATED_TAG,
    KEY_TAG,
    PARENT_TAG,
    Batch,
    Point,
    Run,
    RunStatus,
    batches,
    halves,
    tags_without_colons,
    with_colons,
    without_colons,
)
from trialbook.core.rules.mlflow import MlflowRules
from trialbook.core.times import parse_time
from trialbook.delivery.send_once import claim
from trialbook.ledger.deliveries import Deliveries, ReadOnce
from trialbook.runtime import clock
from trialbook.runtime.observability import count, logger
from trialbook.runtime.sqs_batch import TryLater

_FOR_A_REQUEST = timedelta(seconds=12)  # one that hangs, and what is written down after it
_INVALID = "INVALID_PARAMETER_VALUE"
_GONE = frozenset({_INVALID, "RESOURCE_DOES_NOT_EXIST"})  # what is refused for what somebody deleted
_NOT_KNOWN = frozenset({"ENDPOINT_NOT_FOUND", "http_404", "http_405"})
_TAKEN_BY_ALL = 250  # characters of a parameter, also before 2.8
_METRICS_TAKEN_BY_ALL = 200  # points of one request, also by Azure Machine Learning
EXPERIMENT_REFUSED = "experiment_refused"  # its name: Databricks wants a path, whose folder is there
_NOTHING = RunState()

Store = Callable[[str, str, bytes], bool]


class DeletedInMlflow(Exception):
    """Somebody deleted the run or its experiment there: it is not written any more."""


class Awaits(Enum):
    """What of a run waits for its job's curves."""

    NOTHING = "nothing"
    METRICS = "metrics"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run as it is to stand. `version` grows with what is known of it: an older one changes nothing. `about` is what
    its delivery is about; `experiment`, `sweep` and `parent` are where it belongs; `created` tells a job from one of
    the same name that was deleted. `own_run` is the run that the job made itself, `own_name` the job's name, by which
    training code may have tagged one. `keeps_model` asks for its model by reference. `waits_for_end` if nothing that
    happens to it before its end is worth a request; `awaits` is what is written later, with its curves."""

    about: str
    version: int
    experiment: str
    run: Run
    sweep: str | None = None
    parent: str | None = None
    created: datetime | None = None
    own_run: str | None = None
    own_name: str | None = None
    keeps_model: bool = False
    waits_for_end: bool = False
    awaits: Awaits = Awaits.NOTHING

    @property
    def awaits_metrics(self) -> bool:
        """Whether metrics are written later, with their curves: MLflow can't take back a point."""
        return self.awaits is not Awaits.NOTHING

    @property
    def awaits_all(self) -> bool:
        """Whether parameters, tags and datasets are written with the metrics, which saves a request. A failed job's
        are not: the reason is to be seen at once."""
        return self.awaits is Awaits.ALL and self.run.status is RunStatus.FINISHED


class ToMlflow:
    """Writes runs to a server. Safe to repeat; raises NotSent and TryLater. `store` puts an artifact where the server
    itself keeps none, and tells whether it could."""

    def __init__(
        self, mlflow: Mlflow, deliveries: Deliveries, store: Store = lambda folder, name, content: False
    ) -> None:
        self.mlflow, self.deliveries, self._store = mlflow, ReadOnce(deliveries), store
        self.takes_colons = True  # in names, until it refuses one
        self._experiments: dict[str, Experiment] = {}

    def of(self, about: str) -> Delivery:
        """The delivery of the run about something."""
        found = self.deliveries.get(about, MLFLOW, self.mlflow.server.name)
        self._note_experiment(found)
        return found

    def _note_experiment(self, delivery: Delivery) -> None:
        """A run tells its experiment's id, so that this need not be asked for: that of a sweep for all of its jobs."""
        state = delivery.run
        if delivery.is_sent and state is not None and state.experiment is not None and not state.is_adopted:
            self._experiments.setdefault(state.experiment, Experiment(state.experiment_id))

    def read_ahead(self, abouts: Iterable[str]) -> None:
        """Reads what is known of many runs by few requests."""
        self.deliveries.read_ahead(abouts, MLFLOW, self.mlflow.server.name)

    def write(self, wanted: Wanted, rules: MlflowRules) -> Delivery | None:
        """Makes the run or brings it up to date; None if somebody deleted it in MLflow."""
        before = self.of(wanted.about)
        if _shows(before, wanted, experiment_name(rules.prefix, wanted.experiment)):
            return before
        writing = _Writing(self, before, self._claimed(before), wanted, rules)
        try:
            done = writing.write()
        except DeletedInMlflow as error:
            count("RunsDeletedInMlflow")
            logger.warning("it was deleted in MLflow and is not written", about=wanted.about, reason=str(error))
            return None
        count("RunsWritten")
        return done

    def _claimed(self, delivery: Delivery) -> Delivery:
        try:
            return claim(self.deliveries, delivery, for_edit=delivery.is_sent, lease=RUN_LEASE)
        except TryLater:
            self.deliveries.forget()  # somebody else changes it
            raise

    def attach(self, about: str, folder: str, files: Iterable[tuple[str, bytes]]) -> None:
        """Puts files among the artifacts of a run that is there; `folder` names what they are, so that the same are put
        once."""
        before = self.of(about)
        state = before.run
        if not before.is_sent or state is None or state.report == folder:
            return
        held = self._claimed(before)
        try:
            stored = [self._put_file(state.artifacts, name, content) for name, content in files]
        except NotSent as error:
            self.deliveries.put(held.not_sent(error.reason), clock.now())
            raise
        if not all(stored):
            logger.warning("a file is not among the artifacts", about=about)
        self.put(replace(held, held_until=None, run=replace(state, report=folder)))

    def _put_file(self, folder: str, name: str, content: bytes) -> bool:
        """Whether the file is among the artifacts. A server in front may take no large ones, however often it is
        asked."""
        try:
            return self.mlflow.put_artifact(folder, name, content) or self._store(folder, name, content)
        except NotSent as error:
            if error.reason != TOO_LARGE:
                raise
            count("ArtifactsTooLarge")
            return False

    def adopt(self, about: str, others: Iterable[tuple[str, str]], experiment: str, rules: MlflowRules) -> None:
        """Goes on with the run of another about, if it has none of its own; further ones are deleted. `others` are
        abouts and keys of sweeps that merged into this one."""
        for other_about, key in others:
            own, other = self.of(about), self.of(other_about)
            if other.may_be_there():
                self._delete_doubtful(other, key, self.experiment(rules, experiment))
            elif other.is_sent and not own.is_sent:
                self.deliveries.adopt(other, own, clock.now())
                self._forget(other)
            elif other.is_sent and other.sent_id != own.sent_id:
                self.delete(other)
            elif other.is_sent:
                self._forget(other)

    def delete(self, delivery: Delivery) -> None:
        """Deletes a run that stands for nothing any more."""
        if delivery.is_sent and delivery.sent_id is not None:
            self.delete_run(delivery.sent_id)
            self._forget(delivery)

    def _delete_doubtful(self, delivery: Delivery, key: str, experiment: Experiment) -> None:
        for each in self.runs_of(experiment.id, key):
            self.delete_run(each.run_id)
        self._forget(delivery)

    def _forget(self, delivery: Delivery) -> None:
        self.deliveries.put(replace(delivery.lost(), run=None), clock.now())

    # -- what _Writing asks for ---------------------------------------------------------------------------------

    def put(self, delivery: Delivery) -> Delivery:
        """Writes a delivery that was changed since it was read or written."""
        return self.deliveries.put(replace(delivery, version=delivery.version + 1), clock.now())

    def runs_of(self, experiment_id: str, key: str, created: datetime | None = None) -> list[Created]:
        """The runs with a key, always in the same order; without those of a job of that name that was deleted."""
        found = self.mlflow.find_runs(experiment_id, KEY_TAG, key)
        return sorted((each for each in found if _is_of(each, created)), key=lambda each: each.run_id)

    def delete_run(self, run_id: str) -> None:
        """Deletes a run, unless it is gone."""
        try:
            self.mlflow.delete(run_id)
        except NotSent as error:
            if error.reason not in _GONE:
                raise

    def experiment(self, rules: MlflowRules, experiment: str) -> Experiment:
        """The experiment's in MLflow, as far as known. Raises DeletedInMlflow."""
        known = self._experiments.get(experiment_name(rules.prefix, experiment))
        return known or self.asked_experiment(rules, experiment)

    def asked_experiment(self, rules: MlflowRules, experiment: str) -> Experiment:
        """The experiment's in MLflow as it is now, made if it is not there. Raises DeletedInMlflow."""
        name = experiment_name(rules.prefix, experiment)
        self._experiments.pop(name, None)
        found = self.mlflow.experiment(name) or self._made_experiment(name) or self.mlflow.experiment(name)
        if found is None:
            raise NotSent("no_experiment", passes=True)
        if found.is_deleted:
            raise DeletedInMlflow(f"experiment {name}")
        self._experiments[name] = found
        return found

    def _made_experiment(self, name: str) -> Experiment | None:
        try:
            return self.mlflow.create_experiment(name)
        except NotSent as error:
            if error.reason not in _GONE:
                raise
            raise NotSent(EXPERIMENT_REFUSED, passes=False) from None


class _Writing:
    """One run being written, its delivery held. `before` is the delivery before that, `held` always as in the
    ledger."""

    def __init__(self, channel: ToMlflow, before: Delivery, held: Delivery, wanted: Wanted, rules: MlflowRules) -> None:
        self._channel, self._wanted, self._rules = channel, wanted, rules
        self._experiment = experiment_name(rules.prefix, wanted.experiment)
        self._is_doubtful = before.may_be_there()
        self._was_broken_off = before.held_until is not None or before.problem is not None
        self._lacks_model_alone = _shows(before, replace(wanted, keeps_model=False), self._experiment)
        self._is_written = False
        self.held = held

    @property
    def _mlflow(self) -> Mlflow:
        """The server, for one request. The claim is renewed if it might end before the answer, so it can be short, and
        after a death nobody waits for long. Raises Conflict if another process has claimed it."""
        now = clock.now()
        if self.held.held_until is not None and self.held.held_until - now < _FOR_A_REQUEST:
            self.held = self._channel.deliveries.put(self.held.held_on(now, RUN_LEASE), now)
        return self._channel.mlflow

    def write(self) -> Delivery:
        try:
            self._ensure()
            if self._is_written:
                return self.held
            state = self._fill()
        except NotSent as error:
            raise self._given_back(error) from None
        except DeletedInMlflow as error:
            self._channel.deliveries.put(self.held.not_sent(f"deleted: {error}"), clock.now())
            raise
        return self._channel.put(self._shown(self.held, state))

    def _shown(self, delivery: Delivery, state: RunState) -> Delivery:
        """The delivery once the run stands as wanted."""
        shown = delivery.showing(delivery.sent_id or "", self._wanted.version, delivery.revision, delivery.picture)
        return replace(shown, run=state, held_until=None, problem=None)

    def _given_back(self, error: NotSent) -> Exception:
        """The error to raise, once it is written down whether the run may exist all the same."""
        held, deliveries = self.held, self._channel.deliveries
        if not held.is_sent and (error.is_unsure or self._is_doubtful):
            doubts = replace(held.run or _NOTHING, doubts=(held.run or _NOTHING).doubts + 1)
            deliveries.put(replace(held.unsure(error.reason), run=doubts), clock.now())
            return NotSent(error.reason, passes=error.passes, after=error.after, is_unsure=True)
        deliveries.put(held.not_sent(error.reason), clock.now())
        return error

    # -- that it is there ---------------------------------------------------------------------------------------

    def _ensure(self) -> None:
        """Makes the run if there is none."""
        if self._is_where_it_belongs():
            return
        experiment = self._channel.experiment(self._rules, self._wanted.experiment)
        self._let_go(experiment)
        if self.held.is_sent:
            return
        own = self._own_run(experiment)
        if own is not None:
            self._note(own, is_adopted=True)
            return
        found = self._runs(experiment.id) if self._is_doubtful else []
        run = found[0] if found else self._made(experiment)
        has_tags = not found or self._wanted.run.tags.items() <= run.tags.items()
        is_complete = has_tags and not self._wanted.run.is_over and not self._metrics
        self._note(run, is_adopted=False, is_doubtful=self._is_doubtful and not found, is_complete=is_complete)

    def _is_where_it_belongs(self) -> bool:
        """Whether it is known to be there: then its experiment need not be looked up."""
        state = self.held.run
        if not self.held.is_sent or state is None or is_made_anew(state.created, self._wanted.created):
            return False
        return state.is_adopted or state.experiment == self._experiment

    def _let_go(self, experiment: Experiment) -> None:
        """Forgets a run of a job that moved to another experiment, which no run can, or that was made again."""
        held, state = self.held, self.held.run
        if not held.is_sent or state is None:
            return
        if is_made_anew(state.created, self._wanted.created):
            pass
        elif not state.is_adopted and state.experiment_id != experiment.id:
            self._channel.delete_run(held.sent_id or "")
        else:
            return
        lost = replace(held.lost(), run=None, claimed_at=held.claimed_at, held_until=held.held_until)
        self.held = self._channel.deliveries.put(lost, clock.now())

    def _own_run(self, experiment: Experiment) -> Created | None:
        """The run that the job made itself, by the id that SageMaker tells or by a tag with its name."""
        wanted, tag = self._wanted, self._rules.job_tag
        found = self._mlflow.run(wanted.own_run) if wanted.own_run is not None else None
        if found is not None and not found.is_deleted:
            return found
        if tag is None or wanted.own_name is None:
            return None
        return next(iter(self._mlflow.find_runs(experiment.id, tag, wanted.own_name)), None)

    def _runs(self, experiment_id: str) -> list[Created]:
        return self._channel.runs_of(experiment_id, self._wanted.run.key, self._wanted.created)

    def _made(self, experiment: Experiment) -> Created:
        try:
            return self._create(experiment)
        except NotSent as error:
            if error.reason not in _GONE:
                raise
            # Somebody may have deleted the experiment, or another one has its name now.
            current = self._channel.asked_experiment(self._rules, self._wanted.experiment)
            if current.id == experiment.id:
                if not self._channel.takes_colons or not any(":" in tag for tag in self._wanted.run.tags):
                    raise
                self._channel.takes_colons = False
        return self._create(current)

    def _create(self, experiment: Experiment) -> Created:
        run = self._wanted.run
        tags = run.tags if self._channel.takes_colons else tags_without_colons(run.tags)
        return self._mlflow.create_run(experiment.id, run.name, run.started, tags, run.user)

    def _note(self, run: Created, *, is_adopted: bool, is_doubtful: bool = False, is_complete: bool = False) -> None:
        """Writes down which run it is, and holds the claim on. One that is complete is written: a process that dies
        now leaves nothing to do."""
        known = self.held.run or _NOTHING
        self._lacks_model_alone = False
        state = replace(
            known,
            doubts=max(known.doubts, int(is_doubtful)),
            experiment_id=run.experiment_id,
            experiment=self._experiment,
            artifacts=run.artifacts,
            is_adopted=is_adopted,
            created=self._wanted.created,
        )
        sent = replace(self.held.sent(clock.now(), run.run_id), run=state, held_until=self.held.held_until)
        if is_complete:
            self._is_written = True
            sent = self._shown(sent, replace(state, sweep=self._wanted.sweep, parent=self._wanted.parent))
        self.held = self._channel.deliveries.put(sent, clock.now())

    # -- that it says what it should ----------------------------------------------------------------------------

    def _fill(self) -> RunState:
        state = self.held.run or _NOTHING
        wanted = self._wanted
        state = replace(state, sweep=wanted.sweep, parent=wanted.parent, experiment=self._experiment)
        try:
            if self._lacks_model_alone and not state.is_adopted:
                return replace(state, model=self._modelled(state))
            return self._mark(state) if state.is_adopted else self._complete(state)
        except NotSent as error:
            if error.reason in _GONE and self._is_gone():
                raise DeletedInMlflow("run") from None
            raise

    @property
    def _metrics(self) -> tuple[Point, ...]:
        """The metrics that are written now."""
        return () if self._wanted.awaits_metrics else self._wanted.run.metrics

    def _complete(self, state: RunState) -> RunState:
        wanted, run, run_id = self._wanted, self._wanted.run, self.held.sent_id or ""
        is_later = wanted.awaits_all and run.is_over and not state.has_params
        if not is_later:
            self._log({} if state.has_params else run.params, self._metrics)
        if run.inputs and run.is_over and not is_later and not state.has_params:
            self._mlflow.log_inputs(run_id, run.inputs)
        ending = f"{run.status}@{run.ended}/{run.name}"
        if (run.is_over or state.has_ended) and state.ending != ending:
            self._mlflow.update(run_id, run.status, run.ended, run.name)
        if run.is_over and state.doubts:
            self._leave_one(state)
        return replace(
            state,
            has_params=state.has_params or (run.is_over and not is_later),
            has_metrics=run.is_over and not wanted.awaits_metrics,
            has_ended=run.is_over,
            ending=ending if run.is_over else None,
            model=self._modelled(state),
            doubts=0 if run.is_over else state.doubts,
        )

    def _mark(self, state: RunState) -> RunState:
        """A run of the job's own keeps what it has: tags and parent are added. If its job died without, it is ended."""
        run, run_id = self._wanted.run, self.held.sent_id or ""
        added = {tag: text for tag, text in run.tags.items() if not tag.startswith("mlflow.") or tag == PARENT_TAG}
        for batch in batches({}, (), added):
            self._mlflow.log(run_id, batch)
        found = self._mlflow.run(run_id) if run.is_over else None
        if found is not None and found.status == RunStatus.RUNNING:
            self._mlflow.update(run_id, run.status, run.ended)
        # It logs parameters and metrics itself.
        return replace(state, has_ended=run.is_over, has_params=run.is_over, has_metrics=run.is_over)

    def _log(self, params: Mapping[str, str], metrics: Iterable[Point]) -> None:
        for batch in batches(params, metrics, self._wanted.run.tags):
            self._log_batch(batch)

    def _log_batch(self, given: Batch) -> None:
        run_id = self.held.sent_id or ""
        batch = given if self._channel.takes_colons else without_colons(given)
        try:
            self._mlflow.log(run_id, batch)
        except NotSent as error:
            if error.reason == TOO_LARGE and (parts := halves(batch)) is not None:
                for part in parts:
                    self._log_batch(part)
            elif error.reason != _INVALID or self._is_gone():
                raise
            elif len(batch.metrics) > _METRICS_TAKEN_BY_ALL and (parts := halves(batch)) is not None:
                for part in parts:
                    self._log_batch(part)
            elif self._channel.takes_colons and self._refuses(with_colons(batch)):
                self._channel.takes_colons = False
                self._log_batch(batch)
            elif batch.params:
                # A parameter of that name is there with another value, and MLflow refuses all for the one.
                self._mlflow.log(run_id, replace(batch, params=()))
                self._log_params_one_by_one(run_id, dict(batch.params))
            else:
                raise

    def _refuses(self, batch: Batch) -> bool:
        """Whether the server refuses the names of metrics and tags. Parameters may be refused for their values, so they
        are asked for only if there is nothing else."""
        named = replace(batch, params=()) if batch.metrics or batch.tags else replace(batch, params=batch.params[:1])
        if named == Batch():
            return False
        try:
            self._mlflow.log(self.held.sent_id or "", named)
        except NotSent as error:
            if error.reason != _INVALID:
                raise
            return True
        return False

    def _log_params_one_by_one(self, run_id: str, params: Mapping[str, str]) -> None:
        refused, cut = [], []
        for name, value in params.items():
            if self._takes_param(run_id, name, value):
                continue
            if len(value) > _TAKEN_BY_ALL and self._takes_param(run_id, name, value[:_TAKEN_BY_ALL]):
                cut.append(name)
            else:
                refused.append(name)
        listed = {"trialbook.refused_params": refused, "trialbook.cut_params": cut}
        tags = {tag: ", ".join(names)[:LONGEST_TAG] for tag, names in listed.items() if names}
        if tags:
            self._mlflow.log(run_id, next(batches({}, (), tags)))

    def _takes_param(self, run_id: str, name: str, value: str) -> bool:
        try:
            self._mlflow.log(run_id, next(batches({name: value}, (), {})))
        except NotSent as error:
            if error.reason != _INVALID:
                raise
            return False
        return True

    def _modelled(self, state: RunState) -> str | None:
        """The model that the run has by reference, after it was logged if it has to be. 2.x knows no such models."""
        run = self._wanted.run
        if run.model is None or not _lacks_model(state, self._wanted):
            return state.model
        created = Created(self.held.sent_id or "", state.experiment_id)
        try:
            known = self._mlflow.model_of(created) if self._was_broken_off else None
            model = known or self._mlflow.create_model(created, run.name, run.model)
            self._mlflow.finish_model(model)
        except NotSent as error:
            if error.reason not in _NOT_KNOWN:
                raise
        return run.model

    def _leave_one(self, state: RunState) -> None:
        """Deletes what a slow server made of calls that it did not answer in time."""
        for each in self._runs(state.experiment_id):
            if each.run_id != self.held.sent_id:
                self._channel.delete_run(each.run_id)

    def _is_gone(self) -> bool:
        """Whether somebody deleted the run."""
        found = self._mlflow.run(self.held.sent_id or "")
        return found is None or found.is_deleted


def _shows(delivery: Delivery, wanted: Wanted, experiment: str) -> bool:
    """Whether the run stands as it is wanted, or as something newer; `experiment` is the name that it has in MLflow."""
    state, run = delivery.run, wanted.run
    if not delivery.is_sent or state is None or is_made_anew(state.created, wanted.created):
        return False
    if (state.sweep, state.parent) != (wanted.sweep, wanted.parent):
        return False
    if delivery.shown_version < wanted.version:
        runs_on = wanted.waits_for_end and not run.is_over and not state.has_ended and delivery.shown_version >= 0
        return runs_on and state.experiment == experiment
    has_metrics = state.has_metrics or not run.metrics or not run.is_over or wanted.awaits_metrics
    has_params = state.has_params or not run.is_over or wanted.awaits_all
    return has_metrics and has_params and not _lacks_model(state, wanted)


def _lacks_model(state: RunState, wanted: Wanted) -> bool:
    """Whether its model is to be logged. SageMaker names the place of a model that is not there yet."""
    run = wanted.run
    return wanted.keeps_model and run.is_over and run.model is not None and state.model != run.model


def _is_of(run: Created, created: datetime | None) -> bool:
    """Whether it is a run of the job that was created then."""
    written = parse_time(run.tags.get(CREATED_TAG), CREATED_TAG)
    return not is_made_anew(written, created) and not is_made_anew(created, written)
