// The constants of the radio link of one profile.

export interface LinkProfile {
  /** Octets of the frame header (MHR) of a frame between device and gateway, both ways. */
  headSize: number;
  /** In the device's octets: MHR out (sequence number 0), MHR in. */
  atHead: number;
  atHeadIn: number;
  /** 6LoWPAN header of an ESP packet, and of an IKE datagram without its checksum; octets of each. */
  atIphc: number;
  iphcSize: number;
  atIphcIke: number;
  iphcIkeSize: number;
  /** Outer addresses: of the device, of the gateway, 16 octets each. */
  atOuter: number;
  atGateway: number;
  /** Bit m is set where mode m (SAC and SAM, DAC and DAM) of IPHC gives the gateway's address, the device's, by context 0. */
  sourceModes: number;
  destinationModes: number;
  /** Milliseconds to wait for an acknowledgement; time that a repetition may come after the first. */
  ackWait: number;
  repeatTime: number;
  /** Fragments: sent, received, both or neither. */
  fragmentsOut: boolean;
  fragmentsIn: boolean;
  /** Octets of the largest datagram behind IPv6 (and UDP) that comes in fragments. */
  reassembly: number;
  /** Milliseconds that fragments wait for others. */
  reassemblyTime: number;
  /** The device has IKE: UDP port 500 in clear. */
  ike: boolean;
}
