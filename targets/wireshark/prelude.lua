-- Typed arrays and bit operators for the Lua of Wireshark: 5.2 up to Wireshark 4.2, 5.4 from 4.4 on. Arrays are plain tables from 0
-- on with a field `length`.
local bit32 = bit32
if bit32 == nil then
  bit32 = load([[
    local M = 0xffffffff
    return {
      band = function(a, b) return a & b & M end,
      bor = function(a, b) return (a | b) & M end,
      bxor = function(a, b) return (a ~ b) & M end,
      bnot = function(a) return ~a & M end,
      lshift = function(a, n) return n > 31 and 0 or (a << n) & M end,
      rshift = function(a, n) return n > 31 and 0 or (a & M) >> n end,
      arshift = function(a, n)
        a = a & M
        if a >= 0x80000000 then return ((a >> n) | ~(M >> n)) & M end
        return a >> n
      end,
    }
  ]])()
end

local function typedArray(length)
  length = math.floor(length)
  local array = { length = length }
  for i = 0, length - 1 do
    array[i] = 0
  end
  return array
end

local Uint8Array = typedArray
local Uint16Array = typedArray
local Int32Array = typedArray
local Uint32Array = typedArray
local Float64Array = typedArray
