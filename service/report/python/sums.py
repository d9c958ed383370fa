"""Adds up the effective cost by namespace, with other people's readers: `sums.py lake|parquet|csv|json PATH [DDL]`.

Prints a line for each namespace: the sum in nano-USD, the count, the namespace.
"""

import csv
import json
import sys
from collections import defaultdict
from decimal import Decimal, getcontext

getcontext().prec = 60
BY_NAMESPACE = "SELECT coalesce(x_Namespace, ''), sum(EffectiveCost), count(*) FROM {} GROUP BY 1"


def duck(query, setup=""):
    import duckdb

    connection = duckdb.connect()
    if setup:
        connection.execute(setup)
    return {name: (total, count) for name, total, count in connection.execute(query).fetchall()}


def rows(lines):
    sums = defaultdict(lambda: (Decimal(0), 0))
    for line in lines:
        name = line["x_Namespace"] or ""
        total, count = sums[name]
        sums[name] = (total + Decimal(line["EffectiveCost"]), count + 1)
    return sums


def main(how, path, ddl=None):
    if how == "lake":
        with open(ddl) as file:
            found = duck(BY_NAMESPACE.format("allocations"), file.read().replace("s3://BUCKET/PREFIX", path))
    elif how == "parquet":
        found = duck(BY_NAMESPACE.format(f"read_parquet('{path}')"))
    elif how == "csv":
        with open(path, newline="") as file:
            found = rows(csv.DictReader(file))
    else:
        with open(path) as file:
            found = rows(json.loads(line, parse_float=Decimal) for line in file)
    for name, (total, count) in sorted(found.items()):
        nano = Decimal(total).scaleb(9)
        assert nano == nano.to_integral_value(), f"{name}: {total}"
        print(f"{int(nano)}\t{count}\t{name}")


main(*sys.argv[1:])
