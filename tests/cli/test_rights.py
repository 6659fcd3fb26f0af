import pytest

from reconciler.cli import main
from tests.realcluster import RealCluster


@pytest.mark.parametrize("scope", ["in all namespaces", "in namespace"])
def test_missing_rights_are_told_with_list_and_service_account(
    scope: str, api_server: RealCluster, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without rights, `--once` gives 1 and says which list, where, and as which service account."""
    flags = ["--kubeconfig", str(api_server.kubeconfig_for(namespace, "default"))]
    flags += ["--namespaces", namespace] if scope == "in namespace" else []
    assert main(["--once", *flags]) == 1
    out, err = capsys.readouterr()
    assert "Nothing was planned" in out
    assert f"Could not list daskjobs {scope}" in err
    assert f'User "system:serviceaccount:{namespace}:default" cannot list resource "daskjobs"' in err
