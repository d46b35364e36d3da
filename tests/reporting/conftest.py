"""What tests of reports share."""

import pytest
from written_folders import cannot_exchange

from gradproof.reporting import folders


@pytest.fixture(params=["exchanged", "renamed"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways: names are exchanged, and where that is not possible, renamed twice."""
    if request.param == "renamed":
        monkeypatch.setattr(folders, "_exchange", cannot_exchange)
    return str(request.param)
