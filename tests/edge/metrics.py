"""What Prometheus' own parser reads in a text: its argument. Prints the samples by name and labels."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

found = {}
for family in text_string_to_metric_families(sys.argv[1]):
    assert family.documentation and family.type in ("gauge", "counter"), family
    for sample in family.samples:
        labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
        name = f"{sample.name}{{{labels}}}"
        assert name not in found, name
        found[name] = sample.value
print(json.dumps(found))
