// `dietesp/node/pcap`: captures, read (pcap and pcapng) and written (pcap).

export {
  type CaptureWriter,
  createPcapWriter,
  LINKTYPE_ETHERNET,
  LINKTYPE_IEEE802_15_4,
  LINKTYPE_IEEE802_15_4_NOFCS,
  LINKTYPE_IEEE802_15_4_NONASK_PHY,
  LINKTYPE_IEEE802_15_4_TAP,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
  readCapture,
} from './host/radio/pcap.ts';
export { CaptureError, type CaptureRecord, type OnBlock } from './host/radio/source.ts';
