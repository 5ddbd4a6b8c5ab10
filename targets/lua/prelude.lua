-- Typed arrays for Lua 5.4, in the shape typescript-to-lua calls them: new X(n) becomes
-- setmetatable({}, X.prototype):____constructor(n). Plain tables, zero-based, with a field `length`: nothing masks a
-- store, so the portable code does, and an index costs what a table costs. The metatable is not consulted for
-- elements that exist.
local function typedArray(name)
  local prototype = {}
  local class = { name = name, prototype = prototype }
  prototype.__index = prototype
  prototype.constructor = class
  function prototype:____constructor(length)
    length = length // 1 | 0
    self.length = length
    for i = 0, length - 1 do
      self[i] = 0
    end
  end
  return class
end

Uint8Array = typedArray("Uint8Array")
Uint16Array = typedArray("Uint16Array")
Int32Array = typedArray("Int32Array")
Uint32Array = typedArray("Uint32Array")
Float64Array = typedArray("Float64Array")
