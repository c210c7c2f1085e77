"""Facts in few bytes: JSON, compressed by zlib with a dictionary of what the facts of most jobs and sweeps contain.

DynamoDB's writes cost by the KB. Of a job's 3 KB of JSON, zlib alone leaves about 1 KB, half of which are these words.
"""

import zlib

# What is most frequent comes last, as zlib refers to it by the fewest bits. Never change it: items can be read by the
# dictionary alone by which they were written. A better one gets a format of its own.
_DICTIONARY = (
    b'"secondary_status":"Starting","secondary_status":"Training","status":"InProgress","status":"Stopped",'
    b'"status":"Failed","failure_reason":"AlgorithmError: "experiment_config":{"experiment_name":"","trial_name":"",'
    b'"run_name":""},"made_by":"","pipeline_execution":"","pipeline":"","checkpoint_path":"s3://'
    b'"static_hyper_parameters":{"ranges":[{"name":"","kind":"Integer","minimum":0.0,"maximum":6.0,"scaling":"Linear"},'
    b'{"name":"","kind":"Categorical","values":["'
    b'"kind":"Continuous","minimum":0.001,"maximum":1.0,"scaling":"Logarithmic"},'
    b'{"id":"","kind":"loop","kind":"tuning job","experiment":"","account":"","region":"","state":"open",'
    b'"state":"closed","revision":1,"version":1,"changes":1,'
    b'"counts":{"running":1,"completed":1,"failed":1,"stopped":1},'
    b'"objective":{"metric":"validation:loss","type":"Minimize","source":"tuning job"},'
    b'"best":{"job_name":"","value":0.0,"rank":"00|minimize validation:loss|bf|2026-"|,"hyper_parameters":{"},'
    b'"first_at":"2026-","last_start_at":"2026-","last_at":"2026-","longest_runtime_seconds":86400,'
    b'"tuning_status":"InProgress","tuning_created_at":"2026-","tuning_ended_at":"2026-","strategy":"Bayesian",'
    b'"definitions":[{"name":null,"metric_name":"validation:","objective_type":"Maximize","image":"","max_jobs":,'
    b'"was_sweep":true,"closed_at":"2026-'
    b'{"job":{"key":{"account":"","region":"us-east-1","kind":"TrainingJob","name":""},"status":"Completed",'
    b'"secondary_status":"Completed","arn":"arn:aws:sagemaker:us-east-1::training-job/","created_at":"2026-",'
    b'"started_at":"2026-","ended_at":"2026-","last_modified_at":"2026-11-T10:00:00.000Z","described":true,'
    b'"tags":{"team":""},"hyper_parameters":{"objective":"binary:logistic","_tuning_objective_metric":"validation:",'
    b'"learning_rate":"0.1","batch_size":"32","epochs":"10","max_depth":"6"},'
    b'"final_metrics":[{"name":"train:error","value":0.,"minimum":0.,"maximum":0.,"average":0.,"count":1},'
    b'{"name":"validation:accuracy","value":0.,"minimum":0.,"maximum":0.,"average":0.,"count":1},'
    b'{"name":"ObjectiveMetric","value":0.}],'
    b'"metric_definitions":["train:loss","validation:loss","validation:error","validation:auc"],"tuning_job":"",'
    b'"image":".dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",'
    b'"instances":[{"instance_type":"ml.m5.xlarge","instance_count":1}],"volume_gb":30,"training_seconds":60,'
    b'"billable_seconds":60,"max_runtime_seconds":86400,'
    b'"channels":[{"name":"train","s3_uri":"s3://sagemaker-us-east-1-/train","content_type":"text/csv"},'
    b'{"name":"validation","s3_uri":"s3:///validation","content_type":"csv"}],"output_path":"s3:///output",'
    b'"model_artifact":"s3:///output//output/model.tar.gz",'
    b'"role":"arn:aws:iam:::role/service-role/AmazonSageMaker-ExecutionRole"},"experiment":"","trial":"",'
    b'"placed_by":"experiment and trial by default","sweep":"",'
    b'"objective":{"metric":"validation:loss","type":"Minimize","source":"the only metric"},"value":0.,"ranks":true,'
    b'"experiment_objective":{"metric":"validation:","type":"Maximize","source":"tuning job"},"experiment_value":0.,'
    b'"version":2}'
)


def packed(text: str) -> bytes:
    """The text, compressed. Lone surrogates stay as they are."""
    packer = zlib.compressobj(zdict=_DICTIONARY)
    return packer.compress(text.encode("utf-8", "surrogatepass")) + packer.flush()


def unpacked(content: bytes) -> str:
    """The text of compressed content, with or without the dictionary. Raises zlib.error if it is incomplete."""
    unpacker = zlib.decompressobj(zdict=_DICTIONARY)
    text = unpacker.decompress(content)
    if not unpacker.eof:
        raise zlib.error("the compressed facts are incomplete")
    return text.decode("utf-8", "surrogatepass")
