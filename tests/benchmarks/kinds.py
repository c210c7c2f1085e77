"""All kinds of jobs mixed in one book, 60 jobs, twice with other noise: loops of training jobs, of jobs from a queue of AWS Batch, of serverless fine-tunings,
of Bedrock's model customizations and of AgentRFT jobs, tuning jobs, and single jobs of each other kind, through the deployed
wiring. Of the events 5% come twice, 5% up to a quarter of an hour late, 2% never; one invocation in a hundred dies after one of
its calls. Compared with what was made. Then each kind alone and undisturbed: calls and dollars of 1,000 jobs, priced as above."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tests.benchmarks import prices
from tests.benchmarks.costs import counted
from tests.benchmarks.page import table
from tests.benchmarks.soak import disturbed, dying
from tests.benchmarks.soak_messages import wrong_messages
from tests.launching import at, batch_name, customization, launched, of_category, queued, training
from tests.relocated import HERE
from trialbook.core.kinds import POLLED, JobKind
from trialbook.core.times import iso
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome, outcome_of, running

TITLE = "New kinds of jobs"
JOBS = 5  # of each kind
SEEDS = 2  # of the noise: so many soaks
LOOP = 5  # jobs of one loop
RATES = ("1e-5", "2e-5", "5e-5", "1e-4", "2e-4")
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """Jobs of one kind: answers and further events, and which names belong together; single jobs alone."""

    answers: Sequence[Answer]
    together: Sequence[frozenset[str]]
    events: Sequence[Answer] = ()

    def recording(self) -> Recording:
        """Their recording."""
        return launched(self.answers, self.events)


def measure() -> str:
    """The soak, and what each kind costs."""
    made = make(JOBS)
    done: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for seed in range(SEEDS):
        shown, found = soak(made, seed)
        done.update(shown)
        faults.update(found)
    assert not any(faults.values()), faults
    counts = table(["", "count"], [[name, number] for name, number in {**done, **faults}.items()])
    rows = [[name, *figures(each)] for name, each in made.items()]
    heads = [
        "kind",
        "jobs",
        "calls of AWS's job APIs a job",
        "all calls a job",
        "invocations a job",
        "dollars for 1,000 jobs",
    ]
    idle = polling()
    polled = f"Polling the Jobs API in an account without such jobs costs {idle:.2f} dollars a month (`JobsApi=on`)."
    return f"{counts}\n\n{table(heads, rows)}\n\n{polled}"


def make(jobs: int) -> dict[str, Made]:
    """So many jobs of each kind, a loop of five and hours later the next."""
    return {
        "training": _loops(
            jobs, lambda name, n, begin: training(name, begin, begin + 20, _given(n), value=0.9 - n / 100)
        ),
        "training, from a queue of AWS Batch": _queued(jobs),
        "serverless fine-tuning": _loops(jobs, _serverless, "tune"),
        "tuning job's children": _tuning(jobs),
        "processing": _single(jobs, "Processing"),
        "transform": _single(jobs, "Transform"),
        "Bedrock's model customization": _loops(
            jobs,
            lambda name, n, begin: customization(name, begin, begin + 30, given=_given(n), loss=0.5 + n / 100),
            "nova",
        ),
        "AgentRFT": _loops(
            jobs,
            lambda name, n, begin: of_category("AgentRFT", name, begin, begin + 30, {"training": _given(n)}),
            "agent",
        ),
        **{
            kind.value: _alone([of_category(kind.value, f"{kind.value}-{n}", 7 * n, 7 * n + 5) for n in range(jobs)])
            for kind in POLLED[1:]
        },
    }


def _given(number: int) -> dict[str, str]:
    return {"learning_rate": RATES[number]}


def _loops(jobs: int, one: Callable[[str, int, float], Answer], base: str = "loop") -> Made:
    answers = []
    for number in range(jobs):
        loop, place = divmod(number, LOOP)
        begin = 120.0 * loop + place
        answers.append(one(f"{base}-{iso(at(begin))[:19].replace('T', '-').replace(':', '-')}-000", place, begin))
    names = [_name(each) for each in answers]
    together = [frozenset(names[start : start + LOOP]) for start in range(0, jobs, LOOP)]
    return Made(answers, together)


def _name(answer: Answer) -> str:
    response = answer["response"]
    return str(next(response[each] for each in response if each.lower().endswith("jobname")))


def _queued(jobs: int) -> Made:
    answers: list[Answer] = []
    events: list[Answer] = []
    for number in range(jobs):
        loop, place = divmod(number, LOOP)
        begin, name = 120.0 * loop + place, f"queued-{number}"
        job = batch_name("queued", number)
        answers.append(training(job, begin + 2, begin + 20, _given(place), value=0.9 - place / 100, image="queued"))
        events += [
            queued(name, [job], begin, begin + 2.1),
            queued(name, [job], begin, begin + 20.1, "SUCCEEDED"),
        ]
    names = [_name(each) for each in answers]
    together = [frozenset(names[start : start + LOOP]) for start in range(0, jobs, LOOP)]
    return Made(answers, together, events)


def _serverless(name: str, number: int, begin: float) -> Answer:
    hub = f"arn:{HERE.partition}:sagemaker:{HERE.region}:aws:hub-content/SageMakerPublicHub/Model"
    config = {"BaseModelArn": f"{hub}/model-{number}/1.0.0", "AcceptEula": True, "JobType": "FineTuning"}
    job = training(name, begin, begin + 20, ServerlessJobConfig=config, BillableTokenCount=2_000_000)
    for field in ("AlgorithmSpecification", "ResourceConfig"):
        del job["response"][field]
    return job


def _tuning(jobs: int) -> Made:
    arn = HERE.arn("sagemaker", "hyper-parameter-tuning-job/tuned")
    children = [
        training(f"tuned-{n + 1:03}-{n:08x}", n, n + 20, {"rate": str(n)}, value=0.5 + n / 100, TuningJobArn=arn)
        for n in range(jobs)
    ]
    response = {
        "HyperParameterTuningJobName": "tuned",
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": "Completed",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": jobs},
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:accuracy"},
        },
        "TrainingJobStatusCounters": {"Completed": jobs},
        "ObjectiveStatusCounters": {"Succeeded": jobs},
        "CreationTime": iso(at(0)),
        "HyperParameterTuningEndTime": iso(at(jobs + 22)),
        "LastModifiedTime": iso(at(jobs + 22)),
    }
    request = {"HyperParameterTuningJobName": "tuned"}
    job = {"operation": "DescribeHyperParameterTuningJob", "request": request, "response": response}
    return Made([job, *children], [frozenset(map(_name, children))])


def _single(jobs: int, stem: str) -> Made:
    def one(number: int) -> Answer:
        name, begin = f"{stem.lower()}-{number}", 9 * number
        response = {
            f"{stem}JobName": name,
            f"{stem}JobArn": HERE.arn("sagemaker", f"{stem.lower()}-job/{name}"),
            f"{stem}JobStatus": "Completed",
            "CreationTime": iso(at(begin)),
            f"{stem}StartTime": iso(at(begin + 1)),
            f"{stem}EndTime": iso(at(begin + 5)),
            **({"LastModifiedTime": iso(at(begin + 5))} if stem == "Processing" else {"ModelName": "model"}),
        }
        return {"operation": f"Describe{stem}Job", "request": {f"{stem}JobName": name}, "response": response}

    return _alone([one(number) for number in range(jobs)])


def _alone(answers: Sequence[Answer]) -> Made:
    return Made(answers, [frozenset({_name(each)}) for each in answers])


def soak(made: Mapping[str, Made], seed: int) -> tuple[dict[str, int], dict[str, int]]:
    """All kinds at once, disturbed: what was done, and what is wrong, which all has to be 0."""
    noise = random.Random(seed)
    answers = [answer for each in made.values() for answer in each.answers]
    recording = launched(answers, [event for each in made.values() for event in each.events])
    events, done = disturbed(recording.events, noise)
    with running(recording) as (cloud, sagemaker):
        cloud.after_call, deaths = dying(cloud, noise)
        for event in events:
            cloud.deliver(event)
        cloud.finish()
        found = outcome_of(cloud, sagemaker)
    shown = {
        "jobs made": sum(len(names) for each in made.values() for names in each.together),
        "events made": len(recording.events),
        **{f"events {what}": done[what] for what in ("twice", "late", "lost")},
        "invocations that died": deaths.total(),
    }
    return shown, wrong(found, made, deaths["PostEmail", "SendEmail"])


def wrong(found: ReplayOutcome, made: Mapping[str, Made], died_after_mail: int) -> dict[str, int]:
    """How many jobs, sweeps and messages are not as they were made."""
    expected = {names for each in made.values() for names in each.together}
    wanted = {name for names in expected for name in names}
    records = [
        record for record in found.records if record.key.kind is not JobKind.TUNING
    ]  # it is its children's sweep
    recorded = Counter(record.job.name for record in records)
    groups: dict[str, set[str]] = defaultdict(set)
    for record in records:
        groups[record.sweep or record.job.name].add(record.job.name)
    sweeps = tuple(sweep for sweep in found.sweeps if not sweep.is_single)
    messages = wrong_messages(replace(found, sweeps=sweeps), died_after_mail)
    del messages["new bests that were none"]  # it takes the least value for the best
    return {
        "jobs lost": len(wanted - recorded.keys()),
        "jobs doubled": sum(number > 1 for number in recorded.values()) + len(recorded.keys() - wanted),
        "jobs without their end": sum(not record.job.is_terminal for record in found.records),
        "sweeps with other jobs": len(expected ^ {frozenset(names) for names in groups.values()}),
        "sweeps that are open": sum(sweep.state.value != "closed" for sweep in found.sweeps),
        "messages missing, doubled or outdated": sum(messages.values()),
        "dead letters": sum(map(len, found.dead_letters.values())),
    }


def figures(made: Made) -> list[object]:
    """Of one kind alone: jobs, and for each the calls, the invocations, and the dollars for a thousand."""
    found = counted(made.recording())
    calls: Counter[tuple[str, str]] = Counter()
    for function in found.used.values():
        function.calls.pop(("sagemaker", "ListJobs"), None)  # as many as minutes pass, whatever there is to list
        calls.update(function.calls)
    jobs = sum(map(len, made.together))
    asked = sum(number for (service, _), number in calls.items() if service in ("sagemaker", "bedrock", "batch"))
    invocations = sum(function.invocations for function in found.used.values())
    each = (asked, calls.total(), invocations)
    return [jobs, *(round(number / jobs, 2) for number in each), f"{1000 * sum(found.dollars().values()) / jobs:.3f}"]


def polling() -> float:
    """Dollars a month of poll_jobs where there is no job of its kinds: 43,200 times what one run takes."""
    seen: Counter[tuple[str, str]] = Counter()
    recorded = launched([of_category("AgentRFT", "later", 60, 90)])
    with running(recorded, without=("PostSlack", "PostEmail", "BuildReport")) as (cloud, _):
        moment = cloud.now - timedelta(minutes=2)
        for number in range(2):  # the first run finds no notes
            before, units = Counter(cloud.calls), dict(cloud.capacity)
            event = {"id": str(number), "time": iso(moment + timedelta(minutes=number))}
            cloud.invoke("PollJobs", {**event, "account": HERE.id, "region": HERE.region})
            made = Counter(cloud.calls) - before
            used = {name: number - units.get(name, 0.0) for name, number in cloud.capacity.items()}
        for (_, service, operation), calls in made.items():
            seen[service, operation] += calls
        reads = sum(
            number for (_, operation), number in used.items() if operation in ("GetItem", "Query", "BatchGetItem")
        )
        writes = sum(number for (_, operation), number in used.items() if operation == "PutItem")
    seconds = 0.05 * seen["sagemaker", "ListJobs"] + 0.008 * (seen.total() - seen["sagemaker", "ListJobs"])
    a_run = seconds * prices.LAMBDA_GB_SECOND + prices.LAMBDA_REQUEST
    a_run += reads * prices.DYNAMODB_READ_UNIT + writes * prices.DYNAMODB_WRITE_UNIT
    return 43_200 * a_run + 2 * prices.ALARM_METRIC_MONTH
