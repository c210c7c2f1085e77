"""Whether what the stack made is there, enabled and working."""

from collections.abc import Iterator
from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError

from trialbook.core.analysis.wording import plural
from trialbook.core.times import iso_or_none
from trialbook.reconcile import waiting
from trialbook_cli.checkup.deployment import Deployment, Finding, Level, Resource, is_missing, missing

_MOST_NAMED = 5  # jobs
_OLD_MESSAGE = timedelta(hours=1)
_ALL_AT_ONCE = 25  # functions of one stack that may run at once, by its event sources, schedules and links
# An update does not create a deleted resource again if the template says the same as before.
_RESTORE = "create a drift-aware change set of the stack: docs/operations.md says how"


def stack_state(deployment: Deployment) -> Iterator[Finding]:
    """A stack whose last change failed may lack resources."""
    state = str(deployment.description["StackStatus"])
    if state.endswith(("_FAILED", "ROLLBACK_COMPLETE")) and state != "UPDATE_ROLLBACK_COMPLETE":
        reason = deployment.description.get("StackStatusReason") or "its events say why"
        todo = f"aws cloudformation describe-stack-events --stack-name {deployment.name}; mend it, then sam deploy"
        yield Finding(Level.PROBLEM, f"stack {deployment.name} is {state}: {reason}", todo)
    elif state == "UPDATE_ROLLBACK_COMPLETE":
        todo = f"aws cloudformation describe-stack-events --stack-name {deployment.name} says why"
        yield Finding(Level.NOTE, f"the last update of stack {deployment.name} was rolled back", todo)
    elif state.endswith("_IN_PROGRESS"):
        yield Finding(Level.NOTE, f"stack {deployment.name} is {state}", "wait, then run it again")
    else:
        yield Finding(Level.OK, f"stack {deployment.name} is {state}")


def rules(deployment: Deployment) -> Iterator[Finding]:
    """EventBridge's rules: a missing or disabled one, or one without targets, delivers nothing."""
    events = deployment.client("events")
    found = deployment.resources("AWS::Events::Rule")
    bad = 0
    for each in found:
        bus, _, name = each.physical_id.rpartition("|")
        on_bus = {"EventBusName": bus} if bus else {}
        try:
            state = events.describe_rule(Name=name, **on_bus)["State"]
            targets = events.list_targets_by_rule(Rule=name, **on_bus)["Targets"]
        except ClientError as error:
            if not is_missing(error):
                raise
            bad += 1
            yield missing(f"rule {each.logical_id}", _RESTORE)
            continue
        if state != "ENABLED":
            bad += 1
            command = f"aws events enable-rule --name {name}" + (f" --event-bus-name {bus}" if bus else "")
            yield Finding(Level.PROBLEM, f"rule {each.logical_id} is disabled", command)
        if not targets:
            bad += 1
            yield Finding(Level.PROBLEM, f"rule {each.logical_id} has no targets: nothing gets its events", _RESTORE)
    if not bad:
        yield Finding(
            Level.OK, f"{plural(len(found), 'rule of EventBridge is enabled', 'rules of EventBridge are enabled')}"
        )


def queues(deployment: Deployment) -> Iterator[Finding]:
    """Missing queues, dead letters, and messages that nobody takes."""
    waiting = bad = 0
    for each in deployment.resources("AWS::SQS::Queue"):
        try:
            messages = _waiting(deployment, each)
        except ClientError as error:
            if not is_missing(error):
                raise
            bad += 1
            yield missing(f"queue {each.logical_id}", _RESTORE)
            continue
        if messages and "DeadLetters" in each.logical_id:
            bad += 1
            todo = "read one with aws sqs receive-message, remove its cause, then: trialbook redrive"
            yield Finding(
                Level.PROBLEM, f"{plural(messages, 'message')} in {each.logical_id} could not be handled", todo
            )
        elif messages and (age := _oldest(deployment, each.physical_id.rsplit("/", 1)[-1])) > _OLD_MESSAGE:
            bad += 1
            todo = "look at the function's log for throttling or errors"
            yield Finding(Level.PROBLEM, f"the oldest message in {each.logical_id} has waited for {age}", todo)
        else:
            waiting += messages
    if not bad:
        yield Finding(Level.OK, f"no dead letters; {plural(waiting, 'message waits', 'messages wait')}")


def _waiting(deployment: Deployment, queue: Resource) -> int:
    name = "ApproximateNumberOfMessages"
    counted = deployment.client("sqs").get_queue_attributes(QueueUrl=queue.physical_id, AttributeNames=[name])
    return int(counted["Attributes"][name])


def _oldest(deployment: Deployment, queue: str) -> timedelta:
    points = deployment.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=deployment.now - timedelta(minutes=15),
        EndTime=deployment.now,
        Period=300,
        Statistics=["Maximum"],
    )["Datapoints"]
    return timedelta(seconds=max((int(each["Maximum"]) for each in points), default=0))


def functions(deployment: Deployment) -> Iterator[Finding]:
    """The functions' state and runtime."""
    found = deployment.resources("AWS::Lambda::Function")
    bad = 0
    runtimes = set()
    for each in found:
        try:
            answer = deployment.client("lambda").get_function_configuration(FunctionName=each.physical_id)
        except ClientError as error:
            if not is_missing(error):
                raise
            bad += 1
            yield missing(f"function {each.logical_id}", _RESTORE)
            continue
        runtimes.add(answer.get("Runtime", "?"))
        if answer.get("State") not in (None, "Active", "Inactive") or answer.get("LastUpdateStatus") == "Failed":
            bad += 1
            reason = answer.get("StateReason") or answer.get("LastUpdateStatusReason") or answer.get("State")
            yield Finding(Level.PROBLEM, f"function {each.logical_id} is not active: {reason}", "sam deploy")
    if not bad:
        yield Finding(Level.OK, f"{len(found)} functions are active, on {', '.join(sorted(runtimes)) or 'no runtime'}")


def concurrency(deployment: Deployment) -> Iterator[Finding]:
    """How many functions the account may run at once: new accounts start with ten. A message that Lambda has no room
    for counts as tried, and after all its tries it is a dead letter."""
    try:
        limits = deployment.client("lambda").get_account_settings()["AccountLimit"]
    except ClientError as error:
        yield Finding(
            Level.NOTE,
            f"how many functions may run at once: not checked: {error}",
            "allow lambda:GetAccountSettings, or ask somebody who may look",
        )
        return
    allowed = limits["ConcurrentExecutions"]
    if allowed >= _ALL_AT_ONCE:
        yield Finding(Level.OK, f"the account may run {allowed:,} functions at once")
        return
    yield Finding(
        Level.NOTE,
        f"the account may run only {allowed} functions at once; Trialbook alone may need {_ALL_AT_ONCE}",
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
        "--desired-value 1000",
    )


def event_sources(deployment: Deployment) -> Iterator[Finding]:
    """The event source mappings of queues and stream: if one is disabled, messages wait."""
    found = deployment.resources("AWS::Lambda::EventSourceMapping")
    bad = 0
    for each in found:
        try:
            state = deployment.client("lambda").get_event_source_mapping(UUID=each.physical_id)["State"]
        except ClientError as error:
            if not is_missing(error):
                raise
            bad += 1
            yield missing(f"event source mapping {each.logical_id}", _RESTORE)
            continue
        if state in ("Disabled", "Disabling"):
            bad += 1
            command = f"aws lambda update-event-source-mapping --uuid {each.physical_id} --enabled"
            yield Finding(Level.PROBLEM, f"event source mapping {each.logical_id} is disabled", command)
    if not bad:
        yield Finding(Level.OK, f"{len(found)} event source mappings are enabled")


def table(deployment: Deployment) -> Iterator[Finding]:
    """The ledger's table."""
    name = deployment.stack.table
    try:
        described = deployment.client("dynamodb").describe_table(TableName=name)["Table"]
    except ClientError as error:
        if not is_missing(error):
            raise
        todo = "restore it under this name by point-in-time recovery: docs/operations.md says how"
        yield missing(f"table {name}", todo)
        return
    if described["TableStatus"] not in ("ACTIVE", "UPDATING"):
        yield Finding(Level.PROBLEM, f"table {name} is {described['TableStatus']}", "wait, then run it again")
        return
    yield Finding(Level.OK, f"table {name} is active, about {described['ItemCount']} items")
    yield from _last_seen(deployment)
    yield from _not_reconciled(deployment)


def _not_reconciled(deployment: Deployment) -> Iterator[Finding]:
    """Jobs that events missed, and that can't be read from SageMaker either."""
    names = waiting(deployment.book.ledger)
    if not names:
        return
    named = ", ".join(names[:_MOST_NAMED]) + (
        f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    )
    jobs = plural(len(names), "job")
    todo = "the log of Reconcile has the reason; it tries them again each hour"
    yield Finding(Level.PROBLEM, f"{jobs} can't be read from SageMaker: {named}", todo)


def _last_seen(deployment: Deployment) -> Iterator[Finding]:
    """When a job was last recorded."""
    newest = deployment.book.ledger.sweeps_page(None, 1).entries
    if not newest:
        todo = "train a job, or record what ran before: trialbook backfill --since 30d"
        yield Finding(Level.NOTE, "no sweep is recorded yet", todo)
        return
    moment = newest[0].last_at or newest[0].began_at
    yield Finding(Level.OK, f"the newest sweep, {newest[0].id}, was last active at {iso_or_none(moment)}")


def reports_bucket(deployment: Deployment) -> Iterator[Finding]:
    """Where reports are saved."""
    for each in deployment.resources("AWS::S3::Bucket"):
        try:
            deployment.client("s3").head_bucket(Bucket=each.physical_id)
        except ClientError as error:
            if not is_missing(error):
                raise
            yield missing(f"bucket {each.physical_id}", f"aws s3 mb s3://{each.physical_id}, then sam deploy")


def experiments_api(deployment: Deployment) -> Iterator[Finding]:
    """Whether this region has SageMaker Experiments; without it everything but attaching works."""
    region = deployment.stack.region
    try:
        deployment.client("sagemaker").list_experiments(MaxResults=1)
    except (ClientError, BotoCoreError) as error:
        todo = "jobs are recorded all the same, but not attached to Experiments"
        yield Finding(Level.NOTE, f"SageMaker Experiments does not answer in {region}: {error}", todo)
        return
    yield Finding(Level.OK, f"{region} has SageMaker Experiments")


STACK_CHECKS = (
    stack_state,
    rules,
    queues,
    functions,
    concurrency,
    event_sources,
    table,
    reports_bucket,
    experiments_api,
)
