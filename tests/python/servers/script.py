"""What the scripted server is to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What the server does; the defaults are a good one.

    Attributes:
        mode: explicit, implicit or plain.
        tls: the only version spoken, 1.2 or 1.3.
        certificate: one of `trust.CERTIFICATES`.
        reuse: data connections must resume the session, else 522.
        times: how many uploads the odd behaviour holds for.
        cwd: the reply to CWD in place of looking for the folder.
        refuse: the reply to STOR, in place of 150; empty for none.
        final: the reply after the data; empty for none, then silence.
        late: seconds before the final reply.
        keep: how much of the data is stored; 1.0 all, 0.5 half, None nothing at all.
        close: how the data connection ends: good, fin (no TLS close), rst, silent
            (stays open).
        early: reply `final` and reset the data connection after so many bytes.
        cut: the control connection ends instead of the reply to STOR or RNTO.
        rnto: the reply to RNTO; only with 250 anything is done.
        renames: False: RNTO answers, and nothing is done.
        replaces: False: RNTO over a file is 550.
        after: what becomes of a file that was renamed: there, gone (picked up at once),
            other (half of it is left).
        takes: seconds after its last byte when a file of any name is moved out of the
            folder; None for never.
        late_150: the reply 150 comes after the handshake of the data connection.
        clear: after AUTH the server goes on in clear text.
        demands_tls: USER in clear text is refused.
        greeting: the first line.
        size_error: added to what SIZE tells.
        pasv: the address in 227; the port is right.
        epsv: EPSV is known.
        features: lines of FEAT.
        removes: False: DELE is refused.
        endless: the command whose reply has lines without end; CONNECT for the
            greeting, LISTING for names without end in a listing.
        drips: the command whose reply comes in single letters, without end.
        hash: XSHA256 and HASH are: right, wrong, or empty for unknown.
        login: the reply to PASS in place of judging the password.
    """

    mode: str = "explicit"
    tls: str = "1.3"
    certificate: str = "good"
    reuse: bool = False
    times: int = 1_000_000
    cwd: str = ""
    refuse: str = ""
    final: str = "226 stored"
    late: float = 0.0
    keep: float | None = 1.0
    close: str = "good"
    early: int | None = None
    cut: str = ""
    rnto: str = "250 renamed"
    renames: bool = True
    replaces: bool = True
    after: str = "there"
    takes: float | None = None
    late_150: bool = False
    clear: bool = False
    demands_tls: bool = False
    greeting: str = "220 scripted"
    size_error: int = 0
    pasv: str = "127.0.0.1"
    epsv: bool = True
    features: tuple[str, ...] = ("SIZE", "EPSV", "PBSZ", "PROT")
    removes: bool = True
    endless: str = ""
    drips: str = ""
    hash: str = ""
    login: str = ""
