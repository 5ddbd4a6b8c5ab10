# Checks own.json with scapy and the Python cryptography package: argument 1 is the file. Prints one JSON object.
import hashlib
import hmac
import ipaddress
import json
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from scapy.layers.inet import ICMP, IP, TCP, UDP, in4_chksum
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.sctp import SCTP

PORTED = {6: TCP, 17: UDP, 132: SCTP, 136: None}


def within(address, selector):
    if not selector:
        return True
    low, high = (ipaddress.ip_address(text) for text in selector)
    return low <= ipaddress.ip_address(address) <= high


def same_sum(found, computed):
    """RFC 1071: FFFF is as right as 0000."""
    return found == computed or (found == b"\xff\xff" and computed == b"\0\0")


def check_inner(vector):
    """Address, protocol and ports inside the selectors; all checksums as scapy computes them. Returns what was checked."""
    sa = vector["sa"]
    raw = bytes.fromhex(vector["inner"])
    six = sa["ts_ip_version"] == 6
    packet = IPv6(raw) if six else IP(raw)
    assert packet.version == sa["ts_ip_version"]
    assert within(packet.src, sa.get("ts_ip_src")) and within(packet.dst, sa.get("ts_ip_dst"))
    proto = packet.nh if six else packet.proto
    assert sa["ts_proto"] in (0, proto)
    assert len(raw) == (packet.plen + 40 if six else packet.len)
    fragment = not six and (packet.frag != 0 or packet.flags.MF)
    if not six:
        header = packet.copy()
        header.remove_payload()
        del header.chksum
        assert same_sum(raw[10:12], bytes(header)[10:12]), "IPv4 checksum"
    if fragment:
        return "fragment"
    if proto == 136:
        segment = raw[40:] if six else raw[packet.ihl * 4 :]
        # UDP-Lite: a right checksum makes the sum over everything zero.
        summed = in6_chksum(136, packet, segment) if six else in4_chksum(136, packet, segment)
        assert summed in (0, 0xFFFF), "UDP-Lite checksum"
        assert int.from_bytes(segment[4:6], "big") in (0, len(segment))
        return "UDP-Lite"
    kinds = [kind for kind in (UDP, TCP, SCTP, ICMP) if kind in packet]
    if not kinds:
        if proto != 58:
            return "none"
        layer = packet.payload
        del layer.cksum
        assert bytes(packet) == raw, "ICMPv6 checksum"
        return "ICMPv6"
    kind = kinds[0]
    layer = packet[kind]
    if kind in (UDP, TCP, SCTP):
        low, high = sa["ts_port_src"]
        assert low <= layer.sport <= high
        low, high = sa["ts_port_dst"]
        assert low <= layer.dport <= high
    if kind is UDP and layer.chksum == 0:
        return "UDP zero"
    at = (40 if six else packet.ihl * 4) + (16 if kind is TCP else 6)
    del layer.chksum
    made = bytes(packet)
    # UDP has no checksum 0000, so FFFF is not another form of it.
    right = same_sum(raw[at : at + 2], made[at : at + 2]) if kind is TCP else raw[at : at + 2] == made[at : at + 2]
    assert right and made[:at] + made[at + 2 :] == raw[:at] + raw[at + 2 :], kind.__name__ + " checksum"
    return kind.__name__


def check_crypto(vector):
    """Nonce, additional data and clear text formed here from the SA alone."""
    sa = vector["sa"]
    sn = int(sa["esp_sn"], 16)
    spi = bytes.fromhex(sa["esp_spi"])
    sn8 = sn.to_bytes(8, "big")
    esp = bytes.fromhex(vector["esp"])
    key = bytes.fromhex(sa["key"])
    suite = sa["esp_encr"]
    body = esp[(sa["esp_spi_lsb"] + sa["esp_sn_lsb"]) // 8 :]
    clear = bytes.fromhex(vector["clear_text"])
    if "HMAC" in suite:
        tag = hmac.new(bytes.fromhex(sa["akey"]), spi + sn8[4:] + body[:-16] + (sn8[:4] if sa["esn"] else b""), hashlib.sha256)
        assert tag.digest()[:16] == body[-16:]
        if suite.startswith("AES_CBC"):
            engine = Cipher(algorithms.AES(key), modes.CBC(body[:16])).decryptor()
            assert engine.update(body[16:-16]) + engine.finalize() == clear
        else:
            assert body[:-16] == clear
        return
    iv, sealed = (sn8, body) if suite.endswith("IIV") else (body[:8], body[8:])
    aad = spi + (sn8 if sa["esn"] else sn8[4:])
    if suite.startswith("AES_GCM"):
        engine = AESGCM(key)
    elif suite.startswith("AES_CCM"):
        engine = AESCCM(key, tag_length=8 if "_8" in suite else 16)
    else:
        engine = ChaCha20Poly1305(key)
    assert engine.decrypt(bytes.fromhex(sa["salt"]) + iv, sealed, aad) == clear


def check_ordinary(vector):
    """The wire is ordinary ESP: scapy decrypts it to the inner packet."""
    sa = vector["sa"]
    suite = sa["esp_encr"]
    names = {"AES_GCM_16": "AES-GCM", "AES_CCM_8": "AES-CCM", "AES_CCM_16": "AES-CCM", "CHACHA20_POLY1305": "CHACHA20-POLY1305"}
    names.update({"NULL_HMAC_SHA2_256_128": "NULL", "AES_CBC_HMAC_SHA2_256_128": "AES-CBC"})
    options = {"crypt_algo": names[suite]}
    if suite.startswith("NULL"):
        pass
    else:
        options["crypt_key"] = bytes.fromhex(sa["key"] + sa.get("salt", ""))
    if "HMAC" in suite:
        options.update(auth_algo="SHA2-256-128", auth_key=bytes.fromhex(sa["akey"]))
    if suite == "AES_CCM_8":
        options["crypt_icv_size"] = 8
    outer = IPv6 if sa["ts_ip_version"] == 6 else IP
    wire = outer(bytes.fromhex(vector["wire"]))
    if sa["ipsec_mode"] == "tunnel":
        options["tunnel_header"] = outer(src=wire.src, dst=wire.dst)
    association = SecurityAssociation(ESP, spi=int(sa["esp_spi"], 16), **options)
    assert bytes(association.decrypt(wire)).hex() == vector["inner"]


with open(sys.argv[1], encoding="utf-8") as handle:
    vectors = json.load(handle)["vectors"]
report = {"inner": {}, "crypto": 0, "ordinary": [], "errors": []}
for entry in vectors:
    try:
        found = check_inner(entry)
        report["inner"][found] = report["inner"].get(found, 0) + 1
        check_crypto(entry)
        report["crypto"] += 1
        if entry["title"].startswith("Ordinary ESP") and not entry["sa"]["esp_encr"].endswith("IIV"):
            check_ordinary(entry)
            report["ordinary"].append(entry["sa"]["esp_encr"])
    except Exception as error:
        report["errors"].append(f"{entry['id']} {entry['title']}: {type(error).__name__} {error}")
print(json.dumps(report))
