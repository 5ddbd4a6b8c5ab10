// Whether the ESP packet that waits for the radio is an answer to an echo: its end is not the program's. One octet.

export const echoWaits: Uint8Array = /* @__PURE__ */ new Uint8Array(1);
