"""One client's control connection at the scripted server."""

import hashlib
import os
import socket
import ssl
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from servers.script import Script

if TYPE_CHECKING:
    from servers.stub import Stub


class HangupError(OSError):
    """The control connection ends without a reply."""


class Conversation:
    """One client's control connection."""

    def __init__(self, stub: "Stub", client: socket.socket) -> None:
        self.stub, self.control = stub, client
        self.passive: socket.socket | None = None
        self.folder = stub.folder
        self.old = self.type = ""

    def run(self) -> None:
        if self.stub.script.mode == "implicit":
            self._secure()
        self._answer("CONNECT", self.stub.script.greeting)
        while line := self._line():
            word, _, rest = line.partition(" ")
            word = word.upper()
            shown = "PASS *" if word == "PASS" else f"{word} {rest}".strip()
            self.stub.commands.append(shown)
            answer = getattr(self, f"do_{word}", None)
            reply = answer(rest) if answer else _FIXED.get(word, "500 unknown")
            self._answer(word, reply)
            if word == "AUTH" and self.stub.script.clear:
                # It reads the first bytes of TLS as a command.
                self.control.recv(4096)
                self._say("500 unknown")
                self.stub.stopping.wait(5)
                return
            if word == "AUTH":
                self._secure()
            if word == "QUIT":
                return

    def _secure(self) -> None:
        self.control = self.stub.opened(
            self.stub.context.wrap_socket(self.control, server_side=True)
        )

    def _line(self) -> str:
        read = b""
        while not read.endswith(b"\n"):
            one = self.control.recv(1)
            if not one:
                return ""
            read += one
        return read.decode().rstrip("\r\n")

    def _say(self, reply: str) -> None:
        if reply:
            self.control.sendall(f"{reply}\r\n".encode())

    def _answer(self, word: str, reply: str) -> None:
        stopping = self.stub.stopping
        while word == self.stub.script.endless and not stopping.is_set():
            self._say(f"{reply[:3]}-more")
        while word == self.stub.script.drips and not stopping.wait(0.1):
            self.control.sendall(reply[:1].encode())
        self._say(reply)

    def _path(self, name: str) -> Path:
        start = self.stub.folder if name.startswith("/") else self.folder
        return start / name.lstrip("/")

    def do_USER(self, _: str) -> str:
        secure = isinstance(self.control, ssl.SSLSocket)
        if self.stub.script.demands_tls and not secure:
            return "530 Non-anonymous sessions must use encryption."
        return "331 password"

    def do_PASS(self, given: str) -> str:
        right = "230 in" if given == self.stub.password else "530 Login incorrect."
        return self.stub.script.login or right

    def do_FEAT(self, _: str) -> str:
        known = list(self.stub.script.features)
        known += ["HASH SHA-256*", "XSHA256"] if self.stub.script.hash else []
        return "\r\n".join(["211-Features", *(f" {each}" for each in known), "211 End"])

    def do_TYPE(self, given: str) -> str:
        self.type = given
        return "200 type"

    def do_CWD(self, name: str) -> str:
        if self.stub.script.cwd:
            return self.stub.script.cwd
        if not self._path(name).is_dir():
            return "550 no such folder"
        self.folder = self._path(name)
        return "250 in"

    def do_PASV(self, _: str) -> str:
        high, low = divmod(self._listen(), 256)
        address = self.stub.script.pasv.replace(".", ",")
        return f"227 Entering ({address},{high},{low})"

    def do_EPSV(self, _: str) -> str:
        if not self.stub.script.epsv:
            return "500 unknown"
        return f"229 Entering (|||{self._listen()}|)"

    def _listen(self) -> int:
        if self.passive:
            self.passive.close()
        self.passive = self.stub.opened(socket.create_server(("127.0.0.1", 0)))
        port: int = self.passive.getsockname()[1]
        return port

    def do_SIZE(self, name: str) -> str:
        script, path = self.stub.script, self._path(name)
        if self.type != "I":
            return "550 SIZE not allowed in ASCII mode"
        if not path.is_file():
            return "550 no such file"
        return f"213 {path.stat().st_size + script.size_error}"

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256(self._path(name).read_bytes()).hexdigest()
        return {"right": digest, "wrong": "0" * 64}.get(self.stub.script.hash, "")

    def do_XSHA256(self, name: str) -> str:
        digest = self._digest(name)
        return f"250 {digest.upper()}" if digest else "500 unknown"

    def do_HASH(self, name: str) -> str:
        digest = self._digest(name)
        return f"213 SHA-256 0-0 {digest} {name}" if digest else "500 unknown"

    def do_DELE(self, name: str) -> str:
        if not self.stub.script.removes:
            return "550 Permission denied."
        if not self._path(name).is_file():
            return "550 no such file"
        self._path(name).unlink()
        return "250 deleted"

    def do_RNFR(self, name: str) -> str:
        self.old = name
        return "350 to?" if self._path(name).is_file() else "550 no such file"

    def do_RNTO(self, name: str) -> str:
        script, path = self.stub.script, self._path(name)
        if not self.odd:
            self._path(self.old).replace(path)
            return "250 renamed"
        if not script.replaces and path.exists():
            return "550 Rename failed: file exists."
        if script.renames and script.rnto.startswith("250"):
            self._path(self.old).replace(path)
            if script.takes is not None:
                self.stub.take(path, script.takes)
            if script.after == "gone":
                path.unlink()
            elif script.after == "other":
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        if script.cut == "RNTO":
            raise HangupError
        return script.rnto

    @property
    def odd(self) -> bool:
        """Whether the script still holds."""
        return self.stub.uploads <= self.stub.script.times

    def do_NLST(self, _: str) -> str:
        self._say("150 list")
        data = self._data()
        if isinstance(data, str):
            return data
        names = sorted(path.name for path in self.folder.iterdir())
        while self.stub.script.endless == "LISTING":
            data.sendall(b"more.csv\r\n" * 1000)
        data.sendall(os.fsencode("".join(f"{name}\r\n" for name in names)))
        self._end(data, "good")
        return "226 listed"

    def do_RETR(self, name: str) -> str:
        if not self._path(name).is_file():
            return "550 no such file"
        self._say("150 read")
        data = self._data()
        if isinstance(data, str):
            return data
        data.sendall(self._path(name).read_bytes())
        self._end(data, "good")
        return "226 read"

    def do_STOR(self, name: str) -> str:
        self.stub.uploads += 1
        script = self.stub.script if self.odd else Script()
        if script.refuse:
            return script.refuse
        if not script.late_150:
            self._say("150 send")
        data = self._data()
        if isinstance(data, str):
            return data
        if script.late_150:
            self._say("150 send")
        content, enough = bytearray(), script.early
        while block := self._received(data):
            content += block
            if enough is not None and len(content) >= enough:
                break
        if script.keep is not None:
            self._path(name).write_bytes(content[: int(len(content) * script.keep)])
        if script.takes is not None:
            self.stub.take(self._path(name), script.takes)
        self._end(data, "rst" if enough is not None else script.close)
        if script.cut == "STOR":
            raise HangupError
        self.stub.stopping.wait(script.late)
        return script.final

    def _received(self, data: socket.socket) -> bytes:
        # A client may end its side without saying so in TLS.
        with suppress(ssl.SSLError, ConnectionError):
            return data.recv(65536)
        return b""

    def _data(self) -> socket.socket | str:
        if self.passive is None:
            return "425 Use PASV first."
        plain = self.stub.opened(self.passive.accept()[0])
        if self.stub.script.mode == "plain":
            return plain
        data = self.stub.context.wrap_socket(plain, server_side=True)
        self.stub.opened(data)
        self.stub.reused.append(bool(data.session_reused))
        if self.stub.script.reuse and not data.session_reused:
            self._end(data, "fin")
            return "522 SSL connection failed: session reuse required"
        return data

    def _end(self, data: socket.socket, how: str) -> None:
        if how == "silent":
            return
        if how == "rst":
            linger = struct.pack("ii", 1, 0)
            data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif how == "good" and isinstance(data, ssl.SSLSocket):
            with suppress(OSError):
                data.unwrap()
        data.close()


_FIXED = {
    "AUTH": "234 go",
    "PBSZ": "200 ok",
    "PROT": "200 ok",
    "OPTS": "200 ok",
    "PWD": '257 "/"',
    "NOOP": "200 ok",
    "QUIT": "221 bye",
}
