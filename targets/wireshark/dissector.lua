-- The dissector: ESP packets whose SA is in the key log of `dietesp gateway --keylog`, `sensor --keylog` or `demo --keylog`. What it
-- does not know goes to Wireshark's own dissector of ESP. `core` is the core in Lua, `numbers` are private numbers of IKE.

local esp_of_wireshark = Dissector.get("esp")
local proto = Proto("dietesp", "Diet-ESP")
local f = {
  sa = ProtoField.string("dietesp.sa", "SA"),
  suite = ProtoField.string("dietesp.suite", "Cipher suite"),
  mode = ProtoField.string("dietesp.mode", "Mode"),
  header = ProtoField.bytes("dietesp.header", "Octets in front of the IV: bits of SPI and SN"),
  spi = ProtoField.uint32("dietesp.spi", "SPI", base.HEX),
  spi_bits = ProtoField.uint8("dietesp.spi.bits", "Bits of the SPI on the wire"),
  sn = ProtoField.string("dietesp.sn", "Sequence Number"),
  sn_bits = ProtoField.uint8("dietesp.sn.bits", "Bits of the Sequence Number on the wire"),
  format = ProtoField.string("dietesp.format", "Format"),
  session = ProtoField.uint16("dietesp.eesp.session", "Session ID"),
  subspace = ProtoField.uint16("dietesp.subspace", "Subspace ID"),
  iv = ProtoField.bytes("dietesp.iv", "IV"),
  encrypted = ProtoField.bytes("dietesp.encrypted", "Encrypted residue, payload and trailer"),
  icv = ProtoField.bytes("dietesp.icv", "ICV"),
  residue = ProtoField.string("dietesp.residue", "Residue of IIPC"),
  pad = ProtoField.uint8("dietesp.residue.pad", "Padding bits"),
  field = ProtoField.string("dietesp.field", "Field"),
  value = ProtoField.string("dietesp.field.value", "Value"),
  tv = ProtoField.string("dietesp.field.tv", "Target value"),
  mo = ProtoField.string("dietesp.field.mo", "Matching operator"),
  cda = ProtoField.string("dietesp.field.cda", "Action"),
  sent = ProtoField.string("dietesp.field.sent", "Bits of the residue"),
  clause = ProtoField.string("dietesp.field.clause", "Clause"),
  restored = ProtoField.uint32("dietesp.restored", "Octets of the restored packet"),
  saved = ProtoField.int32("dietesp.saved", "Octets fewer than the restored packet"),
  notify = ProtoField.string("dietesp.ike.notify", "Notify"),
  attribute = ProtoField.string("dietesp.ike.attribute", "Attribute"),
}
proto.fields = {}
for _, one in pairs(f) do table.insert(proto.fields, one) end

local e = {
  closed = ProtoExpert.new("dietesp.closed", "No SA of the key log opens this packet", expert.group.DECRYPTION, expert.severity.WARN),
  malformed = ProtoExpert.new("dietesp.dropped", "The receiver drops this packet", expert.group.PROTOCOL, expert.severity.WARN),
  file = ProtoExpert.new("dietesp.keylog", "The key log cannot be used", expert.group.DECRYPTION, expert.severity.WARN),
  failed = ProtoExpert.new("dietesp.failed", "Error in the dissector", expert.group.UNDECODED, expert.severity.ERROR),
}
proto.experts = { e.closed, e.malformed, e.file, e.failed }

proto.prefs.keylog = Pref.string("Key log", "", "File sas.yaml of a key log; empty: sas.yaml in Wireshark's configuration folder")

local ipv6_header = Field.new("ipv6")
local ipv4_header = Field.new("ip")
local notify_type = Field.new("isakmp.notify.msgtype")
local notify_data = Field.new("isakmp.notify.data")

-- JSON, as far as the key log has it. An error is thrown as a text.
local function json(text)
  local at = 1
  local value
  local function skip() at = text:find("%S", at) or #text + 1 end
  local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
  local function str()
    local out = {}
    at = at + 1
    while true do
      local stop = text:find('["\\]', at)
      if stop == nil then error("a text without end", 0) end
      table.insert(out, text:sub(at, stop - 1))
      at = stop + 1
      if text:sub(stop, stop) == '"' then return table.concat(out) end
      local c = text:sub(at, at)
      at = at + 1
      if c == "u" then
        local code = tonumber(text:sub(at, at + 3), 16) or 63
        at = at + 4
        c = code < 128 and string.char(code) or "?"
      else
        c = escapes[c] or c
      end
      table.insert(out, c)
    end
  end
  local function list(closing, one)
    at = at + 1
    skip()
    if text:sub(at, at) == closing then at = at + 1 return end
    while true do
      one()
      skip()
      local c = text:sub(at, at)
      at = at + 1
      if c == closing then return end
      if c ~= "," then error("no comma at " .. at, 0) end
      skip()
    end
  end
  local depth = 0
  value = function()
    skip()
    depth = depth + 1
    if depth > 20 then error("too deep", 0) end
    local c = text:sub(at, at)
    local result
    if c == '"' then
      result = str()
    elseif c == "[" then
      result = {}
      list("]", function() table.insert(result, value()) end)
    elseif c == "{" then
      result = {}
      list("}", function()
        if text:sub(at, at) ~= '"' then error("no name at " .. at, 0) end
        local name = str()
        skip()
        if text:sub(at, at) ~= ":" then error("no colon at " .. at, 0) end
        at = at + 1
        result[name] = value()
      end)
    else
      local word = text:match("^[%w%+%-%.]+", at)
      if word == nil then error("no value at " .. at, 0) end
      at = at + #word
      if word == "true" then result = true
      elseif word == "false" then result = false
      elseif word ~= "null" then
        result = tonumber(word)
        if result == nil then error("no value at " .. at, 0) end
      end
    end
    depth = depth - 1
    return result
  end
  return value()
end

-- The key log. It grows while one captures: what is new is read when a packet does not open.
local log = { path = "", size = 0, problem = "", context = core.createContext(), rest = "" }

local function path_of()
  if proto.prefs.keylog ~= "" then return proto.prefs.keylog end
  return Dir.personal_config_path("sas.yaml")
end

local function forget(path)
  log = { path = path, size = 0, problem = "", context = core.createContext(), rest = "" }
end

local function read_log()
  local path = path_of()
  if path ~= log.path then forget(path) end
  local file = io.open(path, "rb")
  if file == nil then return end
  local size = file:seek("end") or 0
  -- It is another one.
  if size < log.size then forget(path) end
  if size > log.size then
    file:seek("set", log.size)
    local text = log.rest .. (file:read(size - log.size) or "")
    log.size = size
    local from = 1
    while true do
      local stop = text:find("\n", from, true)
      if stop == nil then break end
      local line = text:sub(from, stop - 1)
      from = stop + 1
      if line:sub(1, 2) == "- " then
        local ok, values = pcall(json, line:sub(3))
        local problem = not ok and tostring(values) or type(values) ~= "table" and "no SA" or nil
        if problem == nil then
          local fine, said = pcall(log.context.add, values)
          if not fine or said ~= "" then problem = tostring(said) end
        end
        if problem ~= nil then log.problem = path .. ": " .. problem end
      end
    end
    log.rest = text:sub(from)
  end
  file:close()
end

local function octets_of(bytes)
  local array = core.octets(0)
  array.length = bytes:len()
  for i = 0, array.length - 1 do array[i] = bytes:get_index(i) end
  return array
end

local function tvb_of(array, name)
  local parts = {}
  for i = 0, array.length - 1 do parts[i + 1] = string.format("%02x", array[i]) end
  return ByteArray.new(table.concat(parts)):tvb(name)
end

-- The IP header in front of the ESP packet, or nil.
-- In TCP that of the segment: what a record before has restored is in this frame as well.
local segment_header = nil
local function header_of(pinfo)
  if segment_header ~= nil then return segment_header end
  local isSix = tostring(pinfo.net_dst):find(":", 1, true) ~= nil
  local found = { (isSix and ipv6_header or ipv4_header)() }
  local last = found[#found]
  if last == nil then return nil end
  local bytes = last.range:bytes()
  if bytes:len() < (isSix and 40 or 20) then return nil end
  if isSix then bytes = bytes:subset(0, 40) end
  return octets_of(bytes)
end

-- Results by frame: sequence numbers go on from packet to packet, and Wireshark asks for packets in any order and often.
local opened = {}

local function open(tvb, pinfo)
  local raw = tvb:bytes()
  local key = pinfo.number .. ":" .. tostring(raw)
  local known = opened[key]
  if known ~= nil and (known.problem == "" or known.version == log.context.count()) then return known end
  local header = header_of(pinfo)
  if header == nil then return nil end
  local now = math.floor(tonumber(tostring(pinfo.abs_ts)) * 1000)
  local result = log.context.open(header, octets_of(raw), now)
  if result.problem ~= "" then
    local before = log.context.count()
    read_log()
    if log.context.count() ~= before then result = log.context.open(header, octets_of(raw), now) end
  end
  result.version = log.context.count()
  opened[key] = result
  return result
end

function proto.init()
  opened = {}
  forget("")
  read_log()
end

local function number_text(hi, lo)
  if hi == 0 then return string.format("%.0f", lo) end
  return string.format("0x%x%08x", hi, lo)
end

local function add_fields(tree, result, tvb)
  local inner = tree:add(f.restored, tvb, result.inner.length)
  inner:set_generated()
  for _, line in ipairs(result.fields) do
    local name = line.header .. " " .. line.field
    local item = tree:add(f.field, tvb, name)
    item:set_generated()
    local how = line.bits == 0 and "elided, " or line.bits .. " bits, "
    item:set_text(string.format("%s: %s (%s%s%s)", name, line.value, how, line.mo, line.cda == "" and "" or ", " .. line.cda))
    item:add(f.value, tvb, line.value):set_generated()
    item:add(f.tv, tvb, line.tv):set_generated()
    item:add(f.mo, tvb, line.mo):set_generated()
    item:add(f.cda, tvb, line.cda):set_generated()
    item:add(f.sent, tvb, line.sent):set_generated()
    item:add(f.clause, tvb, line.clause):set_generated()
  end
end

-- What is malformed for another dissector is told by Wireshark, and is no error of this one.
local function further(dissector, tvb, pinfo, root)
  pcall(function() dissector:call(tvb, pinfo, root) end)
end

local function dissect(tvb, pinfo, root)
  local result = open(tvb, pinfo)
  -- Not one of ours: no SA of the key log has the bits of its SPI.
  if result == nil or (result.sa == "" and result.tried == 0) then
    further(esp_of_wireshark, tvb, pinfo, root)
    return tvb:len()
  end
  local tree = root:add(proto, tvb())
  if log.problem ~= "" then tree:add_proto_expert_info(e.file, log.problem) end
  if result.sa == "" then
    tree:append_text(", not opened")
    tree:add_proto_expert_info(e.closed, string.format("%d SAs of the key log were tried: %s", result.tried, result.problem))
    further(esp_of_wireshark, tvb, pinfo, root)
    return tvb:len()
  end
  pinfo.cols.protocol = "Diet-ESP"
  pinfo.cols.info = string.format("SPI=0x%08x SN=%s", result.spi, number_text(result.hi, result.lo))
  local size = tvb:len()
  local header = result.headerSize
  local text = header + result.ivLength
  local clear = size - text - result.icvLength
  tree:add(f.sa, tvb(), result.sa):set_generated()
  tree:add(f.suite, tvb(), result.suite):set_generated()
  tree:add(f.mode, tvb(), result.mode):set_generated()
  if header > 0 then tree:add(f.header, tvb(0, header)) end
  local shown = header > 0 and tvb(0, header) or tvb()
  tree:add(f.spi, shown, result.spi):set_generated()
  tree:add(f.spi_bits, shown, result.spiBits):set_generated()
  if result.format ~= "" then
    tree:add(f.format, tvb(), result.format):set_generated()
    local isEesp = result.format == "EESP"
    local at = isEesp and 2 or 4
    tree:add(isEesp and f.session or f.subspace, tvb(at, 2))
    pinfo.cols.protocol = result.format
  end
  -- That of a subspace is what is behind its ID.
  local hi = result.format == "ESP with subspaces" and result.hi % 65536 or result.hi
  local sn = number_text(hi, result.lo)
  if result.snBits > 0 then tree:add(f.sn, shown, sn):set_generated() end
  tree:add(f.sn_bits, shown, result.snBits):set_generated()
  if result.ivLength > 0 then tree:add(f.iv, tvb(header, result.ivLength)) end
  local body = clear > 0 and tvb(text, clear) or tvb()
  if clear > 0 then tree:add(f.encrypted, body) end
  if result.icvLength > 0 then tree:add(f.icv, tvb(size - result.icvLength)) end
  if result.problem ~= "" then
    tree:add_proto_expert_info(e.malformed, "The receiver drops this packet: " .. result.problem)
    return size
  end
  if result.format == "" then
    local residue = tree:add(f.residue, body, result.residue)
    residue:set_generated()
    residue:append_text(string.format(" (%d bits)", #result.residue))
    tree:add(f.pad, body, result.padBits):set_generated()
  end
  add_fields(tree, result, body)
  tree:add(f.saved, body, result.inner.length - size):set_generated()
  tree:append_text(string.format(", %s, SPI: 0x%08x, SN: %s", result.sa, result.spi, sn))
  local restored = tvb_of(result.inner, "Restored packet")
  local version = math.floor(result.inner[0] / 16)
  further(Dissector.get(version == 6 and "ipv6" or "ip"), restored, pinfo, root)
  return size
end

-- Whatever goes wrong here is told in the tree.
function proto.dissector(tvb, pinfo, root)
  if tvb:len() == 0 then return 0 end
  local ok, result = pcall(dissect, tvb, pinfo, root)
  if ok then return result end
  local tree = root:add(proto, tvb())
  tree:add_proto_expert_info(e.failed, tostring(result))
  return tvb:len()
end

DissectorTable.get("ip.proto"):add(50, proto)

-- Private notifies of IKE, in clear or decrypted by Wireshark.
local NAMES = {
  hcpProposal = "HCP_PROPOSAL",
  ehcSupported = "EHC_SUPPORTED",
  ehcUnacceptableParameter = "EHC_UNACCEPTABLE_PARAMETER",
  optimizedRekeySupported = "OPTIMIZED_REKEY_SUPPORTED",
  optimizedRekey = "OPTIMIZED_REKEY",
  childSaPfsInfoSupported = "CHILD_SA_PFS_INFO_SUPPORTED",
  dscp = "DSCP",
}
local notify_names = {}
for name, number in pairs(numbers) do
  if NAMES[name] ~= nil then notify_names[number] = NAMES[name] end
end
local ike = Proto("dietesp_ike", "Diet-ESP in IKEv2")
function ike.dissector(_, _, root)
  local tree
  local all = { notify_data() }
  local next_data = 1
  for _, info in ipairs({ notify_type() }) do
    local number = info.value
    local name = notify_names[number]
    if name ~= nil then
      tree = tree or root:add(ike)
      local item = tree:add(f.notify, info.range, name)
      item:append_text(string.format(" (%d)", number))
      -- Both lists are in the order of the message, and the SPI of these notifies is empty: data begins behind the type. Notifies
      -- that Wireshark knows have fields of their own in its place.
      for i = next_data, #all do
        local range = all[i].range
        if range:offset() == info.offset + 2 then
          next_data = i + 1
          for _, line in ipairs(core.notifyLines(name, octets_of(range:bytes()))) do item:add(f.attribute, range, line) end
          break
        end
      end
    end
  end
end
register_postdissector(ike)
