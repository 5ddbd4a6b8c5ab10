-- Gives a module the steps of a record (record.ts) and prints what it does. Arguments: the module's folder, its name, the
-- record's file.

local folder, name, record = arg[1], arg[2], arg[3]
package.path = folder .. '/?.lua'
local before = {}
for key in pairs(_G) do
  before[key] = true
end
local dietesp = require(name)
for key in pairs(_G) do
  assert(before[key], 'the module sets a global: ' .. key)
end

local replay = dofile(record)
local frames = {}
local time = 0
local seed = 1

local function hexOf(octets, offset, length)
  local text = {}
  for i = offset, offset + length - 1 do
    text[#text + 1] = string.format('%02x', octets[i])
  end
  return table.concat(text)
end

local function whole(value)
  return string.format('%d', value)
end

local board = {
  now = function()
    return time
  end,
  random = function(buffer, offset, length)
    for i = 0, length - 1 do
      seed = (seed * 75 + 74) % 65537
      buffer[offset + i] = seed & 255
    end
    return true
  end,
  transmit = function(buffer, offset, length)
    print('frame ' .. hexOf(buffer, offset, length))
  end,
  receive = function(buffer)
    local text = table.remove(frames, 1)
    if text == nil then
      return -1
    end
    local frame = dietesp.hex(text)
    for i = 0, frame.length - 1 do
      buffer[i] = frame[i]
    end
    return frame.length
  end,
  print = function(text)
    print('line ' .. text)
  end,
}

local function deviceOptions(given)
  local all = {}
  for key, value in pairs(given) do
    all[key] = type(value) == 'string' and dietesp.hex(value) or value
  end
  all.up = { spi = all.upSpi, key = all.upKey, salt = all.upSalt }
  all.down = { spi = all.downSpi, key = all.downKey, salt = all.downSalt }
  all.board = board
  all.reserve = function(upTo)
    print('reserve ' .. whole(upTo))
  end
  all.received = function(octets)
    print('received ' .. hexOf(octets, 0, octets.length))
  end
  return all
end

local node
if replay.kind == 'start' then
  -- As a string, as a program reads it from a file.
  local octets = replay.provision:gsub('..', function(digits)
    return string.char(tonumber(digits, 16))
  end)
  node = dietesp.start({ board = board, provision = octets })
else
  node = dietesp.device(deviceOptions(replay.options))
end

for _, step in ipairs(replay.steps) do
  time, frames = step[1], step[2]
  if step[3] ~= '' then
    local tag = node.send(dietesp.hex(step[3]), function(result)
      print('done ' .. whole(result))
    end)
    print('tag ' .. whole(tag))
  end
  if step[4] ~= '' then
    node.command(step[4])
  end
  print('step ' .. whole(node.step()))
end
if replay.kind == 'device' then
  node.stop()
end
print('over ' .. tostring(node.isOver()))
