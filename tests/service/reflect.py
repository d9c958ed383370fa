"""A caller without our proto files: learns the API from the server, then plans the example cluster.

Usage: reflect.py HOST:PORT CLUSTER. Prints the names of the services, one a line, then the plan as JSON on one line.
"""

import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

TIMEOUT_SECONDS = 30


def main(address, cluster):
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        for name in sorted(database.get_services()):
            print(name)
        pool = descriptor_pool.DescriptorPool(database)
        service = pool.FindServiceByName("plimsoll.v1.PlanService")
        method = service.FindMethodByName("CreatePlan")
        ask = message_factory.GetMessageClass(method.input_type)
        answer = message_factory.GetMessageClass(method.output_type)
        call = channel.unary_unary(
            f"/{service.full_name}/{method.name}",
            request_serializer=ask.SerializeToString,
            response_deserializer=answer.FromString,
        )
        order = json_format.ParseDict({"parent": cluster, "time_budget": "1s"}, ask())
        plan = call(order, timeout=TIMEOUT_SECONDS)
        wanted = {"name": plan.name, "pod_count": plan.pod_count, "verified": plan.verified}
        print(json_format.json.dumps(wanted))


main(*sys.argv[1:])
