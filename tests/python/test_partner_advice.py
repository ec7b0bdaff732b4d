"""What the page about partner servers says of logs, disks and other tools."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from delivering import CONTENT, ignore, opened
from servers import client, machine
from servers.fixtures import Start

from runtime.exits import Refused

NAME = "feed.csv"
PART = f"{NAME}.run-1.part"


def test_a_transfer_log_calls_half_a_file_complete(server: Start) -> None:
    """A client that is killed ends its connection as one that is done."""
    to = server("vsftpd", mode="plain")
    with client.login(to) as session:
        data = session.transfercmd(f"STOR {PART}")
        data.sendall(CONTENT[:100_000])
        data.close()
        assert session.voidresp().startswith("226")
    assert (to.folder / PART).stat().st_size == 100_000
    assert f'OK UPLOAD: Client "127.0.0.1", "/{PART}", 100000 bytes' in (
        to.log.read_text()
    )


@pytest.mark.parametrize("kind", ["openssh", "vsftpd", "proftpd"])
def test_a_rename_to_another_disk_is_refused_or_a_copy(
    server: Start, tmp_path: Path, kind: str
) -> None:
    to, source = server(kind), tmp_path / "source"
    source.write_bytes(CONTENT)
    disk = to.folder / "disk"
    disk.mkdir()
    if machine.small_disk(disk, 2**20):
        pytest.skip("mounting is forbidden here")
    try:
        old = to.lay(f"disk/{NAME}", b"old")
        same_file = old.stat().st_ino
        with opened(to) as connection:
            connection.put(source, PART, ignore)
            if kind == "proftpd":
                connection.rename(PART, f"disk/{NAME}")
                # Written into the old file, which readers may have open.
                assert old.read_bytes() == CONTENT
                assert old.stat().st_ino == same_file
                return
            with pytest.raises(Refused):
                connection.rename(PART, f"disk/{NAME}")
            assert old.read_bytes() == b"old"
    finally:
        machine.unmount(disk)


def test_curl_leaves_half_a_file_under_its_name(server: Start, tmp_path: Path) -> None:
    to, source = server("proftpd", tls="1.2"), tmp_path / NAME
    source.write_bytes(CONTENT)
    words, libraries = client.installed(client.curl_words(to, source, NAME))
    slow, environment = [*words, "--limit-rate", "40k"], {**os.environ, **libraries}
    with subprocess.Popen(slow, env=environment) as curl:
        end = time.monotonic() + 20
        while not (to.folder / NAME).exists() or not (to.folder / NAME).stat().st_size:
            assert time.monotonic() < end
            time.sleep(0.01)
        curl.kill()
    assert 0 < (to.folder / NAME).stat().st_size < len(CONTENT)
