-- Typed arrays for Lua 5.3 and later: plain tables, zero-based, with a field `length`. Nothing masks a store, so the portable code
-- does, and an index costs what a table costs. `new X(length)` of the sources comes here as X(length).

-- Lua 5.5's, which boards bring: a table that grows has room for the next power of two.
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

Uint8Array = typedArray
Uint16Array = typedArray
Int32Array = typedArray
Uint32Array = typedArray
Float64Array = typedArray
