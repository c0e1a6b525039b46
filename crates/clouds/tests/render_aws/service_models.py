"""Holds values against AWS's own models of its services, which come with botocore.

Reads a JSON list of {service, shape, value, where} and prints one line for each thing that the
shape does not allow: types, required and unknown members, words, ranges, patterns."""

import json
import re
import sys

from botocore.loaders import Loader
from botocore.model import ServiceModel

SERVICES = {}
VALUES = re.compile(r"(?:Possible|Valid) values are:? ([0-9, and]+)")
TYPES = {"string": str, "boolean": bool, "integer": int, "long": int, "list": list,
         "structure": dict, "map": dict, "double": (int, float), "float": (int, float)}


def shape_of(service, name):
    if service not in SERVICES:
        SERVICES[service] = ServiceModel(Loader().load_service_model(service, "service-2"))
    first, *members = name.split(".")
    shape = SERVICES[service].shape_for(first)
    for member in members:
        shape = shape.members[member]
    return shape


def limits(shape, value):
    """What a shape says of one value."""
    known = shape.metadata
    size = value if isinstance(value, (int, float)) else len(value)
    words = known.get("enum")
    if words and value not in words:
        yield f"{value!r} is none of {words}"
    if "min" in known and size < float(known["min"]) or "max" in known and size > float(known["max"]):
        yield f"{value!r} is beyond {known.get('min')} to {known.get('max')}"
    pattern = known.get("pattern")
    if pattern and isinstance(value, str) and not re.fullmatch(pattern, value):
        yield f"{value!r} is not {pattern}"
    listed = VALUES.search(shape.documentation)
    if listed and isinstance(value, int):
        numbers = [int(number) for number in re.findall(r"\d+", listed[1])]
        if value not in numbers:
            yield f"{value} is none of {numbers}"


def faults(shape, value, where):
    if shape.type_name in TYPES and not isinstance(value, TYPES[shape.type_name]):
        yield f"{where}: {value!r} is no {shape.type_name}"
        return
    for fault in limits(shape, value) if not isinstance(value, (bool, dict)) else ():
        yield f"{where}: {fault}"
    if shape.type_name == "structure":
        for name in shape.required_members:
            if name not in value:
                yield f"{where}: no {name}"
        for name, member in value.items():
            if name not in shape.members:
                yield f"{where}: {name} is unknown"
            else:
                yield from faults(shape.members[name], member, f"{where}.{name}")
    elif shape.type_name == "list":
        for member in value:
            yield from faults(shape.member, member, f"{where}[]")
    elif shape.type_name == "map":
        for name, member in value.items():
            yield from faults(shape.value, member, f"{where}.{name}")


for check in json.load(sys.stdin):
    shape = shape_of(check["service"], check["shape"])
    for fault in faults(shape, check["value"], check["where"]):
        print(fault)
