"""One alert for each problem: start, reminder, all-clear. No event or secret leaks."""

import datetime as dt
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from alert_servers import PASSWORD, USER, Hook, Post, certificates, serving
from commands import ROOT
from delivered_project import DeliveredProject
from hypothesis import given
from hypothesis import strategies as st

from extract import order_tool
from extract.transport import check_address
from monitor.alerts import channels
from monitor.alerts.chats import ChannelError
from monitor.alerts.message import document, subject
from monitor.alerts.settings import Settings, Webhook
from monitor.alerts.state import CLEAR, REMINDER, START, Event, State
from monitor.findings import Finding
from runtime.environment import Environment, Secret
from runtime.exits import Misuse
from runtime.http import Proxy
from sandbox.certificates import Certificates

DAY = "2026-01-{:02}T09:00:00Z"


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("trust"))


@pytest.fixture
def project(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    project = delivered.copy(tmp_path / "project")
    project.variables = {"FEEDS_ALERT_FILE": str(tmp_path / "alerts.jsonl")}
    return project


@pytest.fixture
def hook(trust: Certificates, project: DeliveredProject) -> Iterator[Hook]:
    with serving(Hook(trust)) as server:
        project.variables |= {
            "FEEDS_ALERT_WEBHOOK_URL": server.url,
            "FEEDS_ALERT_WEBHOOK_TOKEN": "hook-t0ken",
            "FEEDS_ALERT_WEBHOOK_CA_FILE": str(trust.ca_file),
        }
        yield server


@pytest.fixture(params=["starttls", "implicit"])
def post(
    request: Any, trust: Certificates, project: DeliveredProject
) -> Iterator[Post]:
    with serving(Post(trust, request.param == "implicit")) as server:
        project.variables |= {
            "FEEDS_ALERT_SMTP_URL": server.url,
            "FEEDS_ALERT_SMTP_PASSWORD": PASSWORD,
            "FEEDS_ALERT_SMTP_CA_FILE": str(trust.ca_file),
            "FEEDS_ALERT_MAIL_FROM": "feeds@example.com",
            "FEEDS_ALERT_MAIL_TO": "ops@example.com, duty@example.com",
        }
        yield server


def held(project: DeliveredProject, *examples: str) -> None:
    reason = {"id": "RUN_ROW_DROP", "says": "too few", "examples": list(examples)}
    fields = {"sha256": "ab" * 32, "checks": ["RUN_ROW_DROP"], "reasons": [reason]}
    project.append_record("held", at="2026-01-15T07:30:00Z", hard=[], **fields)


def alert(
    project: DeliveredProject, at: str = DAY.format(15), code: int = 0
) -> dict[str, Any]:
    project.edit_extract(lambda content: content.update(finished_at=at))
    ran = project.run("monitor", "alert", "--at", at, "--json")
    assert ran.returncode == code, ran.stdout + ran.stderr
    result: dict[str, Any] = json.loads(ran.stdout)
    return result | {"stderr": ran.stderr}


def lines(project: DeliveredProject) -> list[tuple[str, str]]:
    """Return the events and keys that the file got."""
    path = Path(project.variables["FEEDS_ALERT_FILE"])
    documents = path.read_text().splitlines() if path.exists() else []
    return [
        (event["event"], event["key"])
        for document in documents
        for event in json.loads(document)["events"]
    ]


KEY = "FILE_HELD:onpart_inventory"


def test_a_start_a_reminder_an_all_clear_and_nothing_between(
    project: DeliveredProject, hook: Hook, post: Post
):
    assert alert(project)["told"] == {}
    held(project, "100-1", "100-2", "100-3", "100-4")
    result = alert(project)
    assert result["open"] == [KEY]
    assert result["health"] == 1
    assert set(result["told"]) == {"webhook", "mail", "file"}
    assert alert(project, "2026-01-15T19:00:00Z")["told"] == {}
    alert(project, "2026-01-16T05:59:00Z")
    project.now = DAY.format(16)
    result = alert(project, "2026-01-16T09:00:01Z")
    assert (REMINDER, KEY) in lines(project)
    project.write_ledger(*(r for r in project.records() if r["event"] != "held"))
    project.append_record("delivered", logical="2026-01-16T09:00:00Z")
    result = alert(project, "2026-01-16T09:30:00Z")
    assert result["open"] == []
    assert [pair for pair in lines(project) if pair[1] == KEY] == [
        (START, KEY), (REMINDER, KEY), (CLEAR, KEY)
    ]  # fmt: skip
    assert alert(project, "2026-01-16T09:40:00Z")["told"] == {}
    # Every channel got the same.
    events = [e for message in hook.taken for e in message["events"]]
    assert [(e["event"], e["key"]) for e in events] == lines(project)
    assert len(post.mails) == len(hook.taken)
    first = post.mails[0]
    assert first["To"] == "ops@example.com, duty@example.com"
    assert first["Subject"] == f"[feeds dev] NEW: {KEY}"
    body = first.get_body(("plain",))
    assert body is not None
    assert "What to do: Read outbox/onpart_inventory/" in body.get_content()
    (attached,) = first.iter_attachments()
    assert json.loads(attached.get_content()) == hook.taken[0]
    assert hook.headers["Authorization"] == "Bearer hook-t0ken"
    assert set(post.clear) <= {"EHLO", "STARTTLS"}  # all else was in TLS


def test_three_rows_and_no_secret(project: DeliveredProject, hook: Hook):
    row = f"{PASSWORD} at {hook.url} and hook-t0ken"
    project.variables["FEEDS_ALERT_SMTP_PASSWORD"] = PASSWORD
    held(project, row, "100-2", "100-3", "100-4")
    alert(project)
    (event,) = hook.taken[0]["events"]
    assert event["examples"] == ["*** at *** and ***", "100-2", "100-3"]
    sent = (
        json.dumps(hook.taken) + Path(project.variables["FEEDS_ALERT_FILE"]).read_text()
    )
    for secret in (PASSWORD, "s3cret-path", "hook-t0ken", "100-4"):
        assert secret not in sent
    assert "*** at ***" in hook.taken[0]["text"]


@pytest.mark.parametrize("token", ["hook-t0ken", ""])
def test_credentials_of_a_netrc_are_not_sent_to_a_webhook(
    project: DeliveredProject, hook: Hook, tmp_path: Path, token: str
):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login somebody password else\n")
    netrc.chmod(0o600)
    project.variables |= {"HOME": str(tmp_path), "NETRC": str(netrc)}
    project.variables["FEEDS_ALERT_WEBHOOK_TOKEN"] = token
    held(project)
    alert(project)
    assert hook.taken
    expected = f"Bearer {token}" if token else None
    assert hook.headers.get("Authorization") == expected


@pytest.mark.parametrize("status", [500, 404, 302])
@pytest.mark.sample(1)
def test_a_channel_that_fails_is_tried_again_and_reported_by_the_others(
    project: DeliveredProject, hook: Hook, status: int
):
    hook.status = status
    held(project)
    result = alert(project, code=75)
    assert result["failed"] == {"webhook": f"the webhook answered {status}"}
    assert "s3cret" not in result["stderr"]
    assert lines(project) == [(START, KEY)]
    report = project.health()
    assert [f.key for f in report.findings] == [KEY, "ALERT_FAILED:webhook"]
    alert(project, "2026-01-15T09:10:00Z", code=75)
    assert lines(project)[1:] == [(START, "ALERT_FAILED:webhook")]
    hook.status = 200
    result = alert(project, "2026-01-15T09:20:00Z")
    assert [(e["event"], e["key"]) for e in hook.taken[0]["events"]] == [(START, KEY)]
    alert(project, "2026-01-15T09:30:00Z")
    assert lines(project)[2:] == [(CLEAR, "ALERT_FAILED:webhook")]
    assert len(hook.taken) == 1


def test_the_reason_of_a_refusal_is_shown_without_secrets(
    project: DeliveredProject, hook: Hook
):
    hook.status = 400
    hook.reason = b"invalid_payload:\n no member `events`\x1b[31m at s3cret-path " * 99
    held(project)
    result = alert(project, code=75)
    words = result["failed"]["webhook"]
    assert words.startswith(
        "the webhook answered 400: invalid_payload: no member `events`\\x1b[31m at ***"
    )
    state = (project.data / "alerts/state.json").read_text()
    assert "s3cret-path" not in json.dumps(result) + state
    assert len(words) < 300


@pytest.fixture
def chat(hook: Hook, project: DeliveredProject, trust: Certificates) -> Hook:
    """The same server; apprise sends to it, the webhook does not."""
    del project.variables["FEEDS_ALERT_WEBHOOK_URL"]
    project.variables["REQUESTS_CA_BUNDLE"] = str(trust.ca_file)
    hook.status = 200
    return hook


def test_chats_get_the_text_by_apprise(project: DeliveredProject, chat: Hook):
    at = f"localhost:{chat.server_port}/s3cret-path"
    project.variables["FEEDS_ALERT_APPRISE_URLS"] = f"jsons://{at} ntfys://{at}"
    held(project)
    result = alert(project)
    assert set(result["told"]) == {"file", "jsons", "ntfys"}
    for message in chat.taken:
        assert "FILE_HELD" in message["message"]
        assert message["title"].startswith("[feeds")
    assert [message.get("topic") for message in chat.taken] == [None, "s3cret-path"]
    alert(project, "2026-01-15T09:10:00Z")
    assert len(chat.taken) == 2


def test_a_chat_that_refuses_is_named_with_its_reason_and_no_secret(
    project: DeliveredProject, chat: Hook
):
    at = f"user:t0ken-t0ken@localhost:{chat.server_port}/s3cret-path"
    project.variables["FEEDS_ALERT_APPRISE_URLS"] = f"jsons://{at}"
    chat.status, chat.reason = 400, b"no channel at s3cret-path for t0ken-t0ken"
    held(project)
    result = alert(project, code=75)
    words = result["failed"]["jsons"]
    assert "error=400" in words
    assert "no channel at *** for ***" in words
    state = (project.data / "alerts/state.json").read_text()
    assert "s3cret" not in json.dumps(result) + state
    assert "t0ken-t0ken" not in json.dumps(result) + state


def test_a_chat_that_drips_is_given_up(project: DeliveredProject, trust: Certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trust.server_file)
    closed = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with suppress(OSError), context.wrap_socket(client, server_side=True) as side:
            while not closed.wait(0.1):
                side.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        project.variables |= {
            "FEEDS_ALERT_APPRISE_URLS": f"jsons://localhost:{listener.getsockname()[1]}",
            "FEEDS_ALERT_TIMEOUT": "1",
            "REQUESTS_CA_BUNDLE": str(trust.ca_file),
        }
        held(project)
        result = alert(project, code=75)
        closed.set()
    assert set(result["failed"]) == {"jsons"}
    assert lines(project) == [(START, KEY)]


def test_a_mail_server_that_refuses_is_shown_with_its_reply(
    project: DeliveredProject, post: Post
):
    held(project)
    post.refuses = True
    result = alert(project, code=75)
    assert "duty@example.com: 550 nobody here; " in result["failed"]["mail"]
    project.variables["FEEDS_ALERT_SMTP_PASSWORD"] = "another"
    result = alert(project, "2026-01-15T09:10:00Z", code=75)
    assert result["failed"]["mail"] == "the mail server refuses the login: 535 no"


def test_a_mail_server_that_repeats_the_password(project: DeliveredProject, post: Post):
    post.repeats = True
    held(project)
    result = alert(project, code=75)
    assert "*** *** may not send" in result["failed"]["mail"]
    state = (project.data / "alerts/state.json").read_text()
    assert PASSWORD not in json.dumps(result) + state


def test_a_mail_server_that_drips_does_not_stop_the_others(
    project: DeliveredProject, post: Post
):
    post.drips = True
    project.variables["FEEDS_ALERT_TIMEOUT"] = "1"
    held(project)
    try:
        result = alert(project, code=75)
    finally:
        post.drips = False
    assert set(result["failed"]) == {"mail"}
    assert lines(project) == [(START, KEY)]


@pytest.mark.parametrize("name", ["FEEDS_ALERT_MAIL_TO", "FEEDS_ALERT_MAIL_FROM"])
@pytest.mark.parametrize("address", ["ops@example.com\nBcc: x@example.com", "ops"])
def test_a_mail_address_that_is_none_is_named(
    project: DeliveredProject, post: Post, name: str, address: str
):
    project.variables[name] = address
    ran = project.run("monitor", "alert", "--at", project.now)
    assert (ran.returncode, f"{name}: expected addresses" in ran.stderr) == (2, True)


def test_a_server_that_is_not_trusted_gets_nothing(
    project: DeliveredProject, hook: Hook, tmp_path: Path
):
    other = certificates(tmp_path / "other")
    project.variables["FEEDS_ALERT_WEBHOOK_CA_FILE"] = str(other.ca_file)
    held(project)
    result = alert(project, code=75)
    assert "certificate is not accepted" in result["failed"]["webhook"]
    assert hook.taken == []
    project.variables["FEEDS_ALERT_WEBHOOK_URL"] = "https://localhost:1/s3cret"
    result = alert(project, code=75)
    assert result["failed"]["webhook"] == "the webhook: Connection refused"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 abc Bad\r\n\r\n", "its answer is not valid HTTP"),
        (b"\0\0\x12\x04\0\0", "its answer is not valid HTTP"),
        (b"HTTP/1.1 400 Bad\r\n" + b"X: a\r\n" * 200, "its answer is not valid HTTP"),
        (b"", "Remote end closed connection without response"),
        (None, "no whole answer within FEEDS_ALERT_TIMEOUT"),
    ],
)
def test_what_is_wrong_with_an_answer_is_named_in_words(
    trust: Certificates, answer: bytes | None, words: str
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trust.server_file)
    closed = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with suppress(OSError), context.wrap_socket(client, server_side=True) as side:
            request = b""
            while not request.endswith(b"}\n"):
                request += side.recv(65536)
            side.sendall(answer or b"")
            if answer is None:
                closed.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        url = Secret(f"https://localhost:{port}/s3cret")
        to = Webhook(url, None, trust.ca_file, Proxy())
        with pytest.raises(ChannelError) as raised:
            channels.post(to, {"text": "x"}, 0.5)
        closed.set()
    assert str(raised.value) == f"the webhook: {words}"


@pytest.mark.parametrize(
    "rest",
    ["[::1", "[zz]", "h:99999", "h:abc", "exa mple.com", "a..b", "*.b", "a" * 70, ""],
)
def test_an_address_that_is_none_is_named(rest: str):
    mail = {f"FEEDS_ALERT_MAIL_{name}": "a@example.com" for name in ("TO", "FROM")}
    url, smtp = "FEEDS_ALERT_WEBHOOK_URL", "FEEDS_ALERT_SMTP_URL"
    for name, scheme in ((url, "https"), (smtp, "smtp")):
        with pytest.raises(Misuse, match=f"^{name} must"):
            Settings.from_environment(
                Environment({**mail, name: f"{scheme}://{rest}/x"})
            )
    with pytest.raises(Misuse, match=r"^ORDERTIME_URL must be an https:"):
        check_address("ORDERTIME_URL", f"https://{rest}/x")


@pytest.mark.parametrize("token", ["two\nlines", "tok\u20ac"])
def test_a_token_that_no_header_can_have_is_named(token: str):
    with pytest.raises(Misuse, match="ORDER_TOOL_TOKEN: expected letters"):
        order_tool.connect(
            Environment({"ORDER_TOOL_URL": "https://h/x", "ORDER_TOOL_TOKEN": token})
        )
    variables = {
        "FEEDS_ALERT_WEBHOOK_URL": "https://h/x",
        "FEEDS_ALERT_WEBHOOK_TOKEN": token,
    }
    with pytest.raises(Misuse, match="FEEDS_ALERT_WEBHOOK_TOKEN: expected letters"):
        Settings.from_environment(Environment(variables))


def test_a_mail_server_is_trusted_or_gets_nothing(
    project: DeliveredProject, post: Post, tmp_path: Path
):
    held(project)
    trusted = project.variables["FEEDS_ALERT_SMTP_CA_FILE"]
    other = certificates(tmp_path / "other")
    project.variables["FEEDS_ALERT_SMTP_CA_FILE"] = str(other.ca_file)
    failed = alert(project, code=75)["failed"]["mail"]
    assert "certificate is not accepted" in failed
    project.variables["FEEDS_ALERT_SMTP_CA_FILE"] = trusted
    project.variables["FEEDS_ALERT_SMTP_PASSWORD"] = "wrong-p4ss"
    result = alert(project, code=75)
    assert result["failed"]["mail"] == "the mail server refuses the login: 535 no"
    assert "wrong-p4ss" not in result["stderr"]
    project.variables["FEEDS_ALERT_SMTP_PASSWORD"] = PASSWORD
    post.refuses = True
    assert "550" in alert(project, code=75)["failed"]["mail"]
    post.refuses = False
    if not post.implicit:
        post.offers_tls = False
        assert "STARTTLS" in alert(project, code=75)["failed"]["mail"]
        assert "AUTH" not in post.clear
        post.offers_tls = True
    alert(project)
    assert len(post.mails) == 1
    assert USER not in json.dumps(project.health().to_json())


def test_an_acknowledged_problem_has_no_reminders(project: DeliveredProject):
    held(project)
    ran = project.run("monitor", "ack", "FILE_HELD", "--because", "I call them")
    assert ran.returncode == 1
    assert "open are: none that `monitor alert` has sent" in ran.stderr
    alert(project)
    ran = project.run("monitor", "ack", "FILE_HELD", "--because", "  ")
    assert ran.returncode == 2
    ran = project.run(
        "monitor", "ack", "FILE_HELD", "--because", "I call them", FEEDS_OPERATOR="Ann"
    )
    assert (ran.returncode, ran.stdout) == (0, f"{KEY}: acknowledged by Ann\n")
    alert(project, "2026-01-16T09:30:00Z")
    assert (REMINDER, KEY) not in lines(project)
    report = project.health()
    assert report.facts["acknowledged"][KEY]["because"] == "I call them"
    assert report.exit_code == 1  # acknowledged, but still open
    text = report.to_text()
    assert text.startswith("somebody must act (acknowledged by Ann), ")
    assert "acknowledged by Ann at 20" in text
    assert "until it ends: I call them" in text
    (finding,) = report.to_json()["findings"]
    assert finding["acknowledged"]["by"] == "Ann"
    project.write_ledger(*(r for r in project.records() if r["event"] != "held"))
    alert(project, "2026-01-16T09:40:00Z")
    assert (CLEAR, KEY) in lines(project)


def test_an_acknowledgement_may_have_an_end(project: DeliveredProject):
    held(project)
    alert(project)
    ran = project.run("monitor", "ack", KEY, "--because", "x", "--until", "2019-01-01")
    assert ran.returncode == 2
    assert "expected a time in the future" in ran.stderr
    ran = project.run(
        "monitor", "ack", KEY, "--because", "on Monday", "--until", "2099-01-19"
    )
    assert ran.returncode == 0, ran.stderr
    assert "until 2099-01-19T00:00:00Z" in project.health().to_text()
    alert(project, "2099-01-18T23:59:59Z")
    assert (REMINDER, KEY) not in lines(project)
    alert(project, "2099-01-19T00:00:00Z")
    assert (REMINDER, KEY) in lines(project)
    project.now = "2099-01-19T00:00:00Z"
    assert KEY not in project.health().facts["acknowledged"]


def test_a_problem_that_cannot_be_checked_stays_open(project: DeliveredProject):
    held(project)
    alert(project)
    head = (project.data / "ledger.head").read_text()
    (project.data / "ledger.head").write_text("nonsense")
    result = alert(project, "2026-01-15T09:10:00Z")
    assert KEY in result["open"]
    assert (CLEAR, KEY) not in lines(project)
    (project.data / "ledger.head").write_text(head)
    alert(project, "2026-01-15T09:20:00Z")
    assert [kind for kind, key in lines(project) if key == KEY] == [START]


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"FEEDS_ALERT_FILE": ""}, "no channel is set"),
        ({"FEEDS_ALERT_WEBHOOK_URL": "http://x/s3cret"}, "must begin with https://"),
        ({"FEEDS_ALERT_SMTP_URL": "mailto:x"}, "smtp://user@host:587"),
        ({"FEEDS_ALERT_SMTP_URL": "smtp://u:s3cret@x"}, "FEEDS_ALERT_SMTP_PASSWORD"),
        ({"FEEDS_ALERT_SMTP_URL": "smtp://x"}, "FEEDS_ALERT_MAIL_TO"),
        ({"FEEDS_ALERT_APPRISE_URLS": "nobody://s3cret"}, "URL 1: expected a URL"),
        (
            {"FEEDS_ALERT_APPRISE_URLS": "json://x/s3cret"},
            "json:// sends in clear text; use jsons://",
        ),
        (
            {"FEEDS_ALERT_APPRISE_URLS": "jsons://x/s3cret?verify=no"},
            "verify=no would send to any server",
        ),
        ({"FEEDS_ALERT_LEAST": "all"}, "FEEDS_ALERT_LEAST"),
    ],
)
def test_a_wrong_setting_is_named_without_its_secret(
    project: DeliveredProject, variables: dict[str, str], named: str
):
    ran = project.run("monitor", "alert", **variables)
    assert ran.returncode == 2
    assert named in ran.stderr
    assert "s3cret" not in ran.stderr


def test_alerts_may_be_limited_to_severity_act(project: DeliveredProject):
    project.edit_extract(
        lambda content: content["entities"]["part_items"].update(unmatched=["cf_x"])
    )
    project.variables["FEEDS_ALERT_LEAST"] = "act"
    assert alert(project)["open"] == []
    project.variables["FEEDS_ALERT_LEAST"] = "warn"
    assert alert(project)["open"] == ["CUSTOM_FIELD_MISSING:ordertime"]


def test_an_alert_is_sent_although_its_state_cannot_be_written(
    project: DeliveredProject,
):
    held(project)
    assert alert(project)["status"] == "done"
    folder = project.data / "alerts"
    words = ["mount", "-t", "tmpfs", "-o", "size=4096", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount (CAP_SYS_ADMIN)")
    try:
        (folder / "fill").write_bytes(bytes(4096))
        result = alert(project, code=75)
        assert [*result["told"]] == ["file"]
        assert "not written path=" in result["stderr"]
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
    assert lines(project) == [("start", KEY)] * 2


def test_the_first_alert_is_sent_although_its_folder_cannot_be_made(
    project: DeliveredProject, tmp_path: Path
):
    held(project)
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "tmpfs", str(disk)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount (CAP_SYS_ADMIN)")
    try:
        shutil.copytree(project.data, disk, symlinks=True, dirs_exist_ok=True)
        entries = sum(1 for _ in disk.rglob("*")) + 1
        options = f"remount,nr_inodes={entries}"
        subprocess.run(["mount", "-o", options, str(disk)], check=True)
        result = project.run_json(
            "monitor", "alert", "--at", DAY.format(15), FEEDS_DATA=disk
        )
        assert result["exit_code"] == 75
        assert KEY in [event["key"] for event in result["told"]["file"]]
        assert "not written path=" in result["stderr"]
        assert "Free space in the data directory" in result["stderr"]
        assert not (disk / "alerts").exists()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_damaged_state_is_refused_and_named(project: DeliveredProject):
    (project.data / "alerts").mkdir()
    (project.data / "alerts/state.json").write_text("[]")
    ran = project.run("monitor", "alert", "--at", project.now)
    assert ran.returncode == 1
    assert "Remove it" in ran.stderr


def test_a_subject_is_one_line_and_a_message_has_an_end():
    problem = {
        **Finding("NOT_PICKED_UP", "a\nBcc: x", "long " * 999).to_json(),
        "examples": ["x" * 999] * 9,
        "first": "t",
        "last": "t",
    }
    events = [Event(START, "NOT_PICKED_UP:a\r\nBcc: x@example.com", problem)]
    assert subject(events, "dev").isprintable()
    message = document(events, "dev", "t", [])
    assert len(message["events"][0]["examples"]) == 3
    assert len(json.dumps(message)) < 8_000


KEYS = st.sampled_from("abcd")
STEPS = st.lists(
    st.tuples(st.sets(KEYS), st.booleans(), st.booleans()), min_size=1, max_size=12
)


@given(STEPS)
def test_a_channel_that_works_again_knows_what_is_open(steps: Any):
    """Problems come and go, the channel fails at times: it gets no event twice."""
    state = State(ROOT / "nowhere.json")
    knows: set[str] = set()
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for current, works, unchecked in steps:
        at += dt.timedelta(minutes=10)
        before = {k for k, p in state.problems.items() if not p.get("ended")}
        findings = [Finding("FILE_HELD", about, "") for about in sorted(current)]
        state.update(findings, frozenset({"feed"}) if unchecked else frozenset(), at)
        events = state.events("file", at, dt.timedelta(days=1))
        if works:
            for event in events:
                assert (event.key in knows) == (event.kind == CLEAR)
                knows ^= {event.key}
            state.accepted("file", events, at)
            known = {f"FILE_HELD:{about}" for about in current}
            assert knows == known | (before if unchecked else set())
        state.clean_up(["file"])
