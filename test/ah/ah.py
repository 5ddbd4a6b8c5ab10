# AH with scapy: one JSON request a line on standard input, one JSON answer a line on standard output.
#   {"op": "open", "sa": SA, "wire": HEX}   -> {"packet": HEX}
#   {"op": "seal", "sa": SA, "packet": HEX} -> {"wire": HEX}
# SA: algorithm, key, spi, number (hexadecimal), esn, tunnel (two addresses, or null). What scapy refuses is {"error": TEXT}.
import json
import sys

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import AH, SecurityAssociation


def parse(octets):
    return IPv6(octets) if octets[0] >> 4 == 6 else IP(octets)


def association(sa):
    number = int(sa["number"], 16)
    options = {"seq_num": number & 0xFFFFFFFF, "auth_algo": sa["algorithm"], "auth_key": bytes.fromhex(sa["key"])}
    if sa["esn"]:
        options.update(esn_en=True, esn=number >> 32)
    if sa["tunnel"] is not None:
        source, destination = sa["tunnel"]
        outer = IPv6 if ":" in source else IP
        options["tunnel_header"] = outer(src=source, dst=destination)
    return SecurityAssociation(AH, spi=sa["spi"], **options)


def answer(request):
    sa = association(request["sa"])
    if request["op"] == "open":
        return {"packet": bytes(sa.decrypt(parse(bytes.fromhex(request["wire"])))).hex()}
    return {"wire": bytes(sa.encrypt(parse(bytes.fromhex(request["packet"])))).hex()}


for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result), flush=True)
