"""Checks what went over the wire against botocore's service models: every field of a request and of an answer is one that
the operation has, with the type, the enumeration and the presence that its model asks for. Reads JSON lines from standard
input, prints what is wrong, and ends with 1 if anything is."""

import json
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections import Counter

import botocore.session

SESSION = botocore.session.get_session()
SERVICES = {}
# Services whose requests are signed under another name than botocore has for them.
NAMES = {"servicequotas": "service-quotas"}


# What a service says although its model does not have it. "The state is available when attached to a VPC": EC2's own
# reference of InternetGatewayAttachment.
SAID_ALL_THE_SAME = {("ec2:DescribeInternetGateways", "attachmentSet", "available")}


def is_said(where, value):
    return any(where.startswith(action) and part in where and value == said for action, part, said in SAID_ALL_THE_SAME)


def model(service):
    if service not in SERVICES:
        SERVICES[service] = SESSION.get_service_model(NAMES.get(service, service))
    return SERVICES[service]


def name_of(shape, member):
    return member[1].serialization.get("name", member[0])


def check_json(shape, value, where, faults, required=True):
    kind = shape.type_name
    if value is None:
        return
    if kind == "structure":
        if not isinstance(value, dict):
            faults.append(f"{where}: {value!r} is no structure")
            return
        members = {name_of(shape, member): member[1] for member in shape.members.items()}
        for key, inner in value.items():
            if key not in members:
                faults.append(f"{where}.{key}: the model has no such field")
            else:
                check_json(members[key], inner, f"{where}.{key}", faults)
        if required:
            for key in shape.required_members:
                serialized = shape.members[key].serialization
                if serialized.get("location") is None and serialized.get("name", key) not in value:
                    faults.append(f"{where}.{key}: is missing")
    elif kind == "list":
        if not isinstance(value, list):
            faults.append(f"{where}: {value!r} is no list")
            return
        for index, inner in enumerate(value):
            check_json(shape.member, inner, f"{where}[{index}]", faults)
    elif kind == "map":
        if not isinstance(value, dict):
            faults.append(f"{where}: {value!r} is no map")
            return
        for key, inner in value.items():
            check_json(shape.value, inner, f"{where}[{key}]", faults)
    else:
        check_leaf(shape, value, where, faults)


def check_leaf(shape, value, where, faults):
    kind, text = shape.type_name, str(value)
    if kind == "string" and shape.enum and value not in shape.enum and not is_said(where, value):
        faults.append(f"{where}: {value!r} is none of {', '.join(shape.enum[:5])} ...")
    if kind in ("integer", "long") and not re.fullmatch(r"-?\d+", text):
        faults.append(f"{where}: {value!r} is no integer")
    if kind == "boolean" and text.lower() not in ("true", "false"):
        faults.append(f"{where}: {value!r} is no boolean")
    if kind == "timestamp" and not re.fullmatch(r"[\d.]+|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text):
        faults.append(f"{where}: {value!r} is no time")
    if kind == "string" and isinstance(value, str):
        pattern, bounds = shape.metadata.get("pattern"), shape.metadata
        # Patterns of Java that Python does not know are left out.
        try:
            if pattern and not re.fullmatch(pattern, value):
                faults.append(f"{where}: {value!r} is not {pattern}")
        except re.error:
            pass
        if len(value) < bounds.get("min", 0) or bounds.get("max", sys.maxsize) < len(value):
            faults.append(f"{where}: {value!r} has {len(value)} characters")


def check_xml(shape, element, where, faults):
    kind = shape.type_name
    if kind == "structure":
        members = {name_of(shape, member): member[1] for member in shape.members.items()}
        for child in element:
            name = bare(child.tag)
            if name not in members:
                faults.append(f"{where}.{name}: the model has no such field")
            else:
                check_xml(members[name], child, f"{where}.{name}", faults)
        here = {bare(child.tag) for child in element}
        for key in shape.required_members:
            if shape.members[key].serialization.get("name", key) not in here:
                faults.append(f"{where}.{key}: is missing")
    elif kind == "list":
        wanted = shape.member.serialization.get("name", "member")
        for index, child in enumerate(element):
            if bare(child.tag) != wanted:
                faults.append(f"{where}[{index}]: is called {bare(child.tag)}, not {wanted}")
            check_xml(shape.member, child, f"{where}[{index}]", faults)
    else:
        check_leaf(shape, element.text or "", where, faults)


def bare(tag):
    return tag.split("}")[-1]


def check_form(shape, fields, ec2, where, faults):
    """Fields of a form, each walked along the shape by its dots."""
    for key, value in fields.items():
        if key in ("Action", "Version"):
            continue
        here, parts = shape, key.split(".")
        while parts and here is not None:
            part = parts.pop(0)
            if here.type_name == "structure":
                members = {form_name(name, member, ec2): member for name, member in here.members.items()}
                here = members.get(part)
            elif here.type_name == "list":
                if not ec2 and part in ("member", here.member.serialization.get("name", "member")):
                    part = parts.pop(0) if parts else ""
                here = here.member if part.isdigit() else None
            else:
                here = None
        if here is None or here.type_name in ("structure", "list"):
            faults.append(f"{where}.{key}: the model has no such field")
        else:
            check_leaf(here, value, f"{where}.{key}", faults)
    for key in shape.required_members if shape else []:
        name = form_name(key, shape.members[key], ec2)
        if not any(field == name or field.startswith(name + ".") for field in fields):
            faults.append(f"{where}.{key}: is missing")


def form_name(name, member, ec2):
    serialized = member.serialization
    if not ec2:
        return serialized.get("name", name)
    if "queryName" in serialized:
        return serialized["queryName"]
    named = serialized.get("name", name)
    return named[0].upper() + named[1:]


def check(call, faults):
    service, action = call["action"].split(":")
    described = model(service)
    if action not in described.operation_names:
        faults.append(f"{call['action']}: is no operation")
        return
    operation = described.operation_model(action)
    protocol = described.metadata["protocol"]
    where = call["action"]
    fields = dict(urllib.parse.parse_qsl(call["body"])) if protocol in ("query", "ec2") else {}
    if protocol in ("query", "ec2"):
        check_form(operation.input_shape, fields, protocol == "ec2", f"{where} asks", faults)
    else:
        if protocol == "rest-json":
            path = re.sub(r"\{[^}]+\}", "[^/]+", operation.http["requestUri"].split("?")[0])
            if not re.fullmatch(path, call["path"]) or operation.http["method"] != call["method"]:
                faults.append(f"{where}: {call['method']} {call['path']} is not {operation.http}")
        body = json.loads(call["body"]) if call["body"] else {}
        check_json(operation.input_shape, body, f"{where} asks", faults)
    if call["status"] != 200:
        return
    if protocol in ("query", "ec2"):
        root = ElementTree.fromstring(call["answer"])
        if protocol == "query":
            root = root.find("./{*}" + operation.output_shape.serialization["resultWrapper"]) if operation.output_shape else None
        else:
            for child in [child for child in root if bare(child.tag) == "requestId"]:
                root.remove(child)
        if root is not None and operation.output_shape is not None:
            check_xml(operation.output_shape, root, f"{where} answers", faults)
    elif operation.output_shape is not None:
        check_json(operation.output_shape, json.loads(call["answer"]), f"{where} answers", faults)


def main():
    faults, calls = [], Counter()
    for line in sys.stdin:
        call = json.loads(line)
        calls[call["action"]] += 1
        check(call, faults)
    for fault, count in Counter(faults).items():
        print(f"{fault} ({count} times)")
    print(f"{sum(calls.values())} calls of {len(calls)} operations: " + ", ".join(f"{name} {count}" for name, count in sorted(calls.items())), file=sys.stderr)
    sys.exit(1 if faults or not calls else 0)


main()
