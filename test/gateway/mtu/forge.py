# Forged IPv4 fragments of UDP to port 4500, one JSON object on the command line: source, destination, spi, complete, count. With
# `icmp`: a forged Fragmentation Needed with that MTU to `source`, about what it sent to `destination`; no SPI is needed.
import json, random, socket, struct, sys

a = json.loads(sys.argv[1])
random.seed(a["seed"])
if "icmp" in a:
    quoted = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1428, 1, 0, 64, 17, 0, socket.inet_aton(a["source"]),
                         socket.inet_aton(a["destination"])) + struct.pack("!HHHH", 4500, 4500, 1408, 0)
    body = struct.pack("!HH", 0, a["icmp"]) + quoted
    total = sum(struct.unpack(f"!{len(body) // 2}H", body)) + 0x0304
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    icmp.sendto(struct.pack("!BBH", 3, 4, ~total & 0xffff) + body, (a["source"], 0))
    sys.exit()
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for n in range(a["count"]):
    spi = a["spi"] if a["spi"] else random.getrandbits(31) + 256
    esp = struct.pack("!II", spi, 1000 + n) + random.randbytes(1392)
    udp = struct.pack("!HHHH", 4500, 4500, 8 + len(esp), 0) + esp
    pieces = [(0, udp[:1200], True), (1200, udp[1200:], False)]
    for offset, data, more in pieces[: 2 if a["complete"] else 1]:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 20000 + n, (0x2000 if more else 0) | offset // 8,
                           64, 17, 0, socket.inet_aton(a["source"]), socket.inet_aton(a["destination"]))
        raw.sendto(head + data, (a["destination"], 0))
