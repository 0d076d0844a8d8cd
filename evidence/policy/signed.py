"""Whether one of several signers whom a policy names has signed a pack.

Responsible for the trust file of the policy. The form of a signature and the call of ssh-keygen are
`evidence.pack.sshsig`'s.
"""

from __future__ import annotations

from evidence import layout, limits
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError
from evidence.pack import sshsig
from evidence.policy.policy import PolicyFile
from evidence.records.finding import CheckOutcome
from evidence.system.entries import open_regular, type_of
from evidence.verification.origin.signatures import usable_name, usable_trust_file
from evidence.verification.verification import SealedPack


def is_signed(pack: SealedPack, asked: PolicyFile) -> tuple[CheckOutcome, str]:
    """Outcome and reason. Raises UsageError for a trust file or a name that cannot be used."""
    demanded = asked.policy.signed
    if demanded is None:
        return "not_checked", "nobody is named"
    trust = usable_trust_file(asked.path.parent / demanded.allowed_signers, pack.path)
    names = [usable_name(one) for one in demanded.by]
    if type_of(pack.path / layout.SIGNATURE) is None:
        return "fail", "the pack is not signed"
    try:
        sums = _read(pack, layout.SUMS, limits.MAX_SUMS_BYTES)
        signature = _read(pack, layout.SIGNATURE, limits.MAX_SIGNATURE_BYTES)
    except OSError as error:
        return "not_checked", f"the signature cannot be read: {error.strerror or error}"
    if sha256_hex(sums) != pack.root_sha256:
        return "not_checked", "the pack changed while it was verified"
    reasons: list[str] = []
    for who in names:
        try:
            sshsig.check_signature(
                sums, signature, namespace=sshsig.EVIDENCE_NAMESPACE, who=who, trust=trust
            )
        except sshsig.NoSshKeygenError as error:
            return "not_checked", error.message
        except (MalformedError, sshsig.RejectedError) as error:
            reasons.append(f"{who}: it {error.message}")
            continue
        return "pass", ""
    return "fail", "; ".join(reasons[:3])


def _read(pack: SealedPack, name: str, most: int) -> bytes:
    with open_regular(pack.path / name) as stream:
        return stream.read(most + 1)
