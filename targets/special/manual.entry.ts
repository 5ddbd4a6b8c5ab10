// A device of one profile with SAs keyed by hand: UDP payloads to 802.15.4 frames and back.

export { linkNext as nextTimeout, linkPoll as poll, linkReceive as receive } from './link.ts';
export { manualCounter as counter, manualSend as send, manualStart as start } from './manual.ts';
