"""An AWS that others wrote: moto, with one cluster in it. Prints its address when it is there, then what its machines come
to, a line each, and goes when standard input ends.

Arguments: the cluster's name, `hand` or `bare`, zones. Behind moto's node groups there is nothing: no Auto Scaling group, and
so no machine. With `hand`, this keeps the group behind each, as EKS would, in the moment in which the node group changes, and
tells of machines that boot and leave. With `bare` moto is as it is; an Auto Scaling group of two machines is beside it."""

import json
import sys
import threading
import time

import boto3
import moto
from moto.eks.models import EKSBackend
from moto.server import ThreadedMotoServer

CLUSTER, HAND, ZONES = sys.argv[1], sys.argv[2] == "hand", sys.argv[3:]
ROLE = "arn:aws:iam::123456789012:role/nodes"
BOOT_SECONDS = 1.5
GONE_SECONDS = 0.5
LOOK_SECONDS = 0.1

# moto has things to say there, too.
OUT, sys.stdout = sys.stdout, sys.stderr

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
URL = "http://127.0.0.1:%d" % server.get_host_and_port()[1]


def client(service):
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
    return boto3.client(service, endpoint_url=URL, region_name="us-east-1", **keys)


EC2, EKS, SCALING, SQS = client("ec2"), client("eks"), client("autoscaling"), client("sqs")
SUBNETS = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in EC2.describe_subnets()["Subnets"]}
IMAGE = EC2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


def make_behind(name, subnets, types, size, tags):
    """An Auto Scaling group with a launch template of its own, as EKS makes them."""
    data = {"ImageId": IMAGE, "InstanceType": types[0]}
    EC2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    marks = [
        {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": key, "Value": value, "PropagateAtLaunch": True}
        for key, value in tags.items()
    ]
    SCALING.create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"},
        MinSize=size["minSize"],
        MaxSize=size["maxSize"],
        DesiredCapacity=size["desiredSize"],
        VPCZoneIdentifier=",".join(subnets),
        Tags=marks,
    )


def behind(group):
    return group.resources["autoScalingGroups"][0]["name"]


def keep_groups():
    """Has moto's EKS do what is behind its node groups, too."""
    create, update, delete = EKSBackend.create_nodegroup, EKSBackend.update_nodegroup_config, EKSBackend.delete_nodegroup

    def created(self, *args, **kwargs):
        group = create(self, *args, **kwargs)
        tags = {"eks:cluster-name": group.cluster_name, "eks:nodegroup-name": group.nodegroup_name}
        make_behind(behind(group), group.subnets, group.instance_types, group.scaling_config, tags)
        return group

    def updated(self, *args, **kwargs):
        answer = update(self, *args, **kwargs)
        group = self.clusters[kwargs["cluster_name"]].nodegroups[kwargs["nodegroup_name"]]
        size = group.scaling_config
        SCALING.update_auto_scaling_group(
            AutoScalingGroupName=behind(group),
            MinSize=size["minSize"],
            MaxSize=size["maxSize"],
            DesiredCapacity=size["desiredSize"],
        )
        return answer

    def deleted(self, *args, **kwargs):
        group = delete(self, *args, **kwargs)
        SCALING.delete_auto_scaling_group(AutoScalingGroupName=behind(group), ForceDelete=True)
        # A group takes its time to go: longer than its nodes.
        time.sleep(GONE_SECONDS)
        return group

    EKSBackend.create_nodegroup, EKSBackend.update_nodegroup_config, EKSBackend.delete_nodegroup = created, updated, deleted


def tell(what):
    print(json.dumps(what), file=OUT, flush=True)


def machines():
    """Machines of node groups that run, by id."""
    found = {}
    for name in EKS.list_nodegroups(clusterName=CLUSTER)["nodegroups"]:
        group = EKS.describe_nodegroup(clusterName=CLUSTER, nodegroupName=name)["nodegroup"]
        named = [one["name"] for one in group["resources"]["autoScalingGroups"]]
        for one in SCALING.describe_auto_scaling_groups(AutoScalingGroupNames=named)["AutoScalingGroups"]:
            for instance in one["Instances"]:
                found[instance["InstanceId"]] = {
                    "id": instance["InstanceId"],
                    "group": name,
                    "type": instance["InstanceType"],
                    "zone": instance["AvailabilityZone"],
                    "spot": group["capacityType"] == "SPOT",
                    "labels": group.get("labels", {}),
                    "taints": group.get("taints", []),
                }
    return found


def watch():
    launched, joined = {}, set()
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            running = machines()
        # A group that went between two calls; the next look sees it gone.
        except (EKS.exceptions.ResourceNotFoundException, KeyError):
            continue
        for one in running:
            launched.setdefault(one, time.monotonic())
            if one not in joined and BOOT_SECONDS <= time.monotonic() - launched[one]:
                joined.add(one)
                tell({"join": running[one]})
        for one in joined - set(running):
            joined.discard(one)
            tell({"leave": one})


cluster = {"subnetIds": [SUBNETS[zone] for zone in ZONES]}
EKS.create_cluster(name=CLUSTER, roleArn="arn:aws:iam::123456789012:role/cluster", resourcesVpcConfig=cluster)
queue = SQS.create_queue(QueueName="plimsoll-notices")["QueueUrl"]
size = {"minSize": 1, "maxSize": 50, "desiredSize": 2}
if HAND:
    keep_groups()
    for zone in ZONES:
        EKS.create_nodegroup(
            clusterName=CLUSTER,
            nodegroupName=f"general-{zone[-1]}",
            scalingConfig=size,
            subnets=[SUBNETS[zone]],
            instanceTypes=["m7i.xlarge"],
            amiType="AL2023_x86_64_STANDARD",
            nodeRole=ROLE,
        )
    threading.Thread(target=watch, daemon=True).start()
else:
    make_behind("others", [SUBNETS[ZONES[0]]], ["m7i.xlarge"], size, {"eks:cluster-name": CLUSTER})
tell({"url": URL, "queue": queue, "role": ROLE, "version": moto.__version__})
sys.stdin.read()
