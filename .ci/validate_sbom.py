"""Checks an SBOM against the schema of CycloneDX. Runs with the Python of ``make tools``."""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

content = Path(sys.argv[1]).read_text(encoding="utf-8")
fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(content)
if fault is not None:
    # The whole text of a fault holds the whole schema.
    sys.exit(f"{sys.argv[1]} is no SBOM: {str(fault)[:500]}")
print(f"{sys.argv[1]} is a CycloneDX 1.6 document: {content.count('bom-ref')} components")
