"""Asks DuckDB what `bench-ledger` asks the ledger: `bench.py FOLDER`. Prints count, seconds and memory, then the groups."""

import resource
import sys
import time

import duckdb

QUERY = """
SELECT x_Namespace, x_Team, epoch_us(ChargePeriodStart) // 86400000000, sum(ListCost), sum(ContractedCost),
  sum(EffectiveCost), sum(BilledCost), sum(CASE WHEN x_Quality <> 'MEASURED' THEN EffectiveCost ELSE 0 END), count(*)
FROM read_parquet('{}/allocations/*/*/*.parquet', hive_partitioning = false) GROUP BY 1, 2, 3
"""

start = time.monotonic()
groups = duckdb.connect().execute(QUERY.format(sys.argv[1])).fetchall()
seconds = time.monotonic() - start
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(sum(group[-1] for group in groups), seconds, memory, sep="\t")
for namespace, team, day, *sums, _ in groups:
    print(namespace, team, day, *(int(total.scaleb(9)) for total in sums), sep="\t")
