"""Tells which operations moto does not have: of `service:Operation`, told as arguments, it prints those for which
moto has neither the service nor a method of that name."""

import importlib
import re
import sys

from moto.core.responses import BaseResponse


def answers(action):
    service, operation = action.split(":")
    try:
        module = importlib.import_module(f"moto.{service}.responses")
    except ModuleNotFoundError:
        return False
    words = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", operation)
    method = re.sub("([a-z0-9])([A-Z])", r"\1_\2", words).lower()
    classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, BaseResponse)]
    return any(hasattr(one, method) for one in classes)


for action in sys.argv[1:]:
    if not answers(action):
        print(action)
