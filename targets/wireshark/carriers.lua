-- What carries ESP beside IP: UDP and TCP. It follows dissector.lua in the same file.

-- ESP in UDP [RFC 3948]: IKE and keepalives stay Wireshark's.
local in_udp = Proto("dietesp_udp", "Diet-ESP in UDP")
local udpencap = DissectorTable.get("udp.port"):get_dissector(4500)
function in_udp.dissector(tvb, pinfo, root)
  if tvb:len() > 4 and tvb(0, 4):uint() ~= 0 then return proto.dissector(tvb, pinfo, root) end
  if udpencap ~= nil then return udpencap:call(tvb, pinfo, root) end
  return 0
end
DissectorTable.get("udp.port"):add(4500, in_udp)

-- IKE and ESP in TCP [RFC 9329]: "IKETCP" in front of the stream, then records behind a length that counts itself.
local in_tcp = Proto("dietesp_tcp", "IKE and ESP in TCP")
local tcp_fields = {
  prefix = ProtoField.string("dietesp_tcp.prefix", "Stream prefix"),
  length = ProtoField.uint16("dietesp_tcp.length", "Length"),
}
in_tcp.fields = { tcp_fields.prefix, tcp_fields.length }
local PREFIX = "494b45544350"
local isakmp = Dissector.get("isakmp")

local function record_length(tvb, _, offset)
  if tvb:len() - offset >= 6 and tostring(tvb(offset, 6):bytes()):lower() == PREFIX then return 6 end
  return math.max(2, tvb(offset, 2):uint())
end

local function record(tvb, pinfo, root)
  local size = tvb:len()
  local tree = root:add(in_tcp, tvb())
  if size == 6 and tostring(tvb():bytes()):lower() == PREFIX then
    tree:add(tcp_fields.prefix, tvb())
    return size
  end
  tree:add(tcp_fields.length, tvb(0, 2))
  if size == 3 and tvb(2, 1):uint() == 255 then tree:append_text(", keepalive") end
  if size < 7 then return size end
  local message = tvb(2):tvb()
  if message(0, 4):uint() ~= 0 then
    proto.dissector(message, pinfo, root)
  elseif size > 6 then
    further(isakmp, message(4):tvb(), pinfo, root)
  end
  return size
end

function in_tcp.dissector(tvb, pinfo, root)
  segment_header = header_of(pinfo)
  dissect_tcp_pdus(tvb, root, 2, record_length, record)
  segment_header = nil
  return tvb:len()
end
DissectorTable.get("tcp.port"):add(4500, in_tcp)
