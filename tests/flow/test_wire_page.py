# SPDX-License-Identifier: Apache-2.0
"""docs/wire.md against the sources: every reason, directive, API and parameter is on the page."""
import re

import pytest

from gateway import ROOT

PAGE = (ROOT / "docs/wire.md").read_text()


def source(*names):
    return "".join((ROOT / "src" / name).read_text() for name in names)


def test_every_reason_is_explained():
    table = PAGE[PAGE.index("## Why was a request not touched?"):]
    named = set(re.findall(r"`([a-z-]+)`", "".join(
        row.split("|")[1] for row in table.splitlines() if row.startswith("| `"))))
    assert named == set(re.findall(r'X\([A-Z_]+, "([a-z-]+)"\)', source("core/choice.h")))


def test_every_directive_is_listed_with_its_default():
    rows = set(re.findall(r"^\| `(sprout\w*)", PAGE, re.M))
    assert rows == set(re.findall(r'ngx_string\("(sprout\w*)"\),\n\s+NGX_HTTP',
                                  source("nginx/ngx_http_sprout_module.c")))


@pytest.mark.parametrize("pattern", [r'\.name = SPROUT_KEY\("([a-z.-]+)"\)',
                                     r'\.path = SPROUT_KEY\("([^"]+)"\)',
                                     r'\.name = SPROUT_KEY\("([a-z_.]+)"\),\s+\.(?:texts|literals)'])
def test_every_api_path_and_parameter_is_listed(pattern):
    found = re.findall(pattern, source("wire/dialect.c"))
    assert found
    for name in found:
        assert f"`{name}`" in PAGE, name
