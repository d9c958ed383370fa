"""A node group as boto3 sees it: the group, the Auto Scaling group behind it, and its machines, as one JSON value.

Arguments: the address of AWS, the cluster, the node group."""

import json
import sys

import boto3

URL, CLUSTER, GROUP = sys.argv[1:]


def client(service):
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
    return boto3.client(service, endpoint_url=URL, region_name="us-east-1", **keys)


pages = client("eks").get_paginator("list_nodegroups").paginate(clusterName=CLUSTER)
names = [name for page in pages for name in page["nodegroups"]]
group = client("eks").describe_nodegroup(clusterName=CLUSTER, nodegroupName=GROUP)["nodegroup"]
behind = [one["name"] for one in group["resources"]["autoScalingGroups"]]
scaling = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=behind)["AutoScalingGroups"]
ids = [one["InstanceId"] for each in scaling for one in each["Instances"]]
filters = [{"Name": "tag:eks:cluster-name", "Values": [CLUSTER]}, {"Name": "instance-id", "Values": ids}]
pages = client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
instances = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
print(json.dumps({"names": names, "group": group, "scaling": scaling, "instances": instances}, default=str))
