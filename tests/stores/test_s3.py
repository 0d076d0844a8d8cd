"""The same over the protocol of S3, against a server on this machine (moto)."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from toy import MODEL, intact_bytes

from evidence import layout
from tests.command import evidence

pytest.importorskip("s3fs", reason="s3fs, of the extra [stores], is not installed")
server = pytest.importorskip("moto.server", reason="moto is not installed: no server of S3 here")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    import boto3
    import fsspec

    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    host, port = running.get_host_and_port()
    asking = HTTPConnection(host, port)
    asking.request("POST", "/moto-api/reset")  # buckets outlive a server
    asking.getresponse().read()
    asking.close()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    for name, data in intact_bytes().items():
        client.put_object(Bucket="bucket", Key=f"runs/M1/{name}", Body=data)
    yield client
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    running.stop()


def test_a_pack_in_a_bucket_is_verified_and_a_lie_in_it_found(bucket: Any) -> None:
    ended = evidence("verify", "s3://bucket/runs/M1")
    assert ended.exit == 0, ended
    assert "INTACT" in ended.out
    assert "withheld from the fetch" in ended.out
    assert evidence("verify", "s3://bucket/runs/M1", "--weights", "--require-all").exit == 0
    bucket.put_object(Bucket="bucket", Key=f"runs/M1/{MODEL}", Body=b"other")
    assert evidence("verify", "s3://bucket/runs/M1").exit == 0
    assert evidence("verify", "s3://bucket/runs/M1", "--weights").exit == 1
    bucket.put_object(Bucket="bucket", Key=f"runs/M1/{layout.RESULTS}", Body=b"{}\n")
    assert evidence("verify", "s3://bucket/runs/M1").exit == 1


def test_a_bucket_that_is_not_there_and_a_name_that_leads_out_are_said(bucket: Any) -> None:
    assert evidence("verify", "s3://nobucket/runs").exit == 2
    bucket.put_object(Bucket="bucket", Key="runs/M1/../../out", Body=b"x")
    ended = evidence("verify", "s3://bucket/runs/M1")
    assert ended.exit == 5, ended
