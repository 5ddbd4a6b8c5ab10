# Standard ESP with scapy: one JSON request a line on standard input, one JSON answer a line on standard output.
#   {"op": "open", "sa": SA, "wire": HEX}                    -> {"packet": HEX}
#   {"op": "seal", "sa": SA, "packet": HEX, "iv": HEX}       -> {"wire": HEX}   (iv "" lets scapy choose)
# SA has the names of SA files; esp_sn is the packet's number. What scapy refuses is answered {"error": TEXT}.
import json
import sys

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation

ALGORITHMS = {
    "AES_CCM_8": ("AES-CCM", 8),
    "AES_CCM_16": ("AES-CCM", 16),
    "AES_GCM_16": ("AES-GCM", 16),
    "CHACHA20_POLY1305": ("CHACHA20-POLY1305", 16),
    "NULL_HMAC_SHA2_256_128": ("NULL", None),
    "AES_CBC_HMAC_SHA2_256_128": ("AES-CBC", None),
}


def parse(octets):
    return IPv6(octets) if octets[0] >> 4 == 6 else IP(octets)


def association(sa):
    number = int(sa["esp_sn"], 16)
    algorithm, icv = ALGORITHMS[sa["esp_encr"]]
    options = {"crypt_algo": algorithm, "seq_num": number & 0xFFFFFFFF}
    if "key" in sa:
        options["crypt_key"] = bytes.fromhex(sa["key"] + sa.get("salt", ""))
    if icv is None:
        options.update(auth_algo="SHA2-256-128", auth_key=bytes.fromhex(sa["akey"]))
    else:
        options["crypt_icv_size"] = icv
    if sa.get("esn"):
        options.update(esn_en=True, esn=number >> 32)
    if "tunnel_ip" in sa:
        source, destination = sa["tunnel_ip"]
        outer = IPv6 if ":" in source else IP
        options["tunnel_header"] = outer(src=source, dst=destination)
    return SecurityAssociation(ESP, spi=int(sa["esp_spi"], 16), **options)


def answer(request):
    sa = association(request["sa"])
    if request["op"] == "open":
        return {"packet": bytes(sa.decrypt(parse(bytes.fromhex(request["wire"])))).hex()}
    iv = bytes.fromhex(request["iv"])
    packet = sa.encrypt(parse(bytes.fromhex(request["packet"])), iv=iv or None)
    return {"wire": bytes(packet).hex()}


for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result), flush=True)
