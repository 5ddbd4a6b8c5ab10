// A sensor that runs on Espruino, general or specialised.

/**
 * A running sensor.
 *
 * @noSelf
 */
export interface EspruinoSensor {
  /** Takes a console line: `rekey`, `rekey-ike`, `delete`, `connect`, `send N`, `stats`, `restart`, `exit`. */
  command(line: string): boolean;
  stop(): void;
  isOver(): boolean;
  /** Frames lost because the application was too slow. */
  lost(): number;
  /** What is native: 1 AES-CCM, 2 HMAC-SHA-256, 4 X25519. */
  native: number;
}
