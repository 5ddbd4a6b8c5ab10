-- Typed arrays for Lua 5.3 and later: plain zero-based tables with a field `length`. An index costs as much as in a table.
-- A store masks nothing, so portable code masks. `new X(length)` of the sources becomes X(length).

-- table.create of Lua 5.5, which boards have. A table that grows has room for the next power of two.
local create = table.create or function()
  return {}
end

local function typedArray(length)
  length = length // 1 | 0
  local array = create(length, 2)
  array.length = length
  for i = 0, length - 1 do
    array[i] = 0
  end
  return array
end

-- Firmware has octets of its own (boards/common/lua_octets.c).
Uint8Array = Uint8Array or typedArray
Uint16Array = typedArray
Int32Array = typedArray
Uint32Array = typedArray
Float64Array = typedArray
