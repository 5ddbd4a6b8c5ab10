// `dietesp/ike`: IKEv2 as initiator and responder [RFC 7296], its extensions, and its codec: messages, proposals,
// selectors, fragments, SK payloads.
//
// `Ike`, `IkeSa`, `ChildSa` and `Draft` are live objects with keys in them. They are exported for authors of extensions,
// who read them and keep what is theirs in `notes`. Programs hand them from call to call and read `describeIkeSa`.

export * from '../base/index.ts';
export { defaultCompression } from './child/compression.ts';
export { ehc } from './child/ehc.ts';
export { createFollowUps } from './child/follow-up.ts';
export { hcp } from './child/hcp.ts';
export { createExtra } from './codec/extra-transforms.ts';
export {
  addFragment,
  createFragments,
  type Defragmenter,
  type Fragments,
  fragmentation,
  MAX_FRAGMENTS,
  resetFragments,
} from './codec/fragments.ts';
export { addCp, addId, type CpKind, type Identity, isId, readCp } from './codec/ident.ts';
export {
  addNotify,
  beginChain,
  beginMessage,
  beginPayload,
  checkIkeHeader,
  createPayloads,
  createWriter,
  endMessage,
  endPayload,
  findNotify,
  findPayload,
  IKE_EXCHANGE,
  IKE_FLAGS,
  IKE_LENGTH,
  IKE_MESSAGE_ID,
  IKE_NEXT,
  IKE_SIZE,
  IKE_SPI_I,
  IKE_SPI_R,
  IKE_VERSION,
  MAX_PAYLOADS,
  notifyDataAt,
  notifyDataSize,
  notifyType,
  type ParseVerdict,
  type Payloads,
  parsePayloads,
  type Writer,
  write8,
  write16,
  write32,
  writeOctets,
} from './codec/message.ts';
export * from './codec/numbers.ts';
export type { Content, Message } from './codec/payloads.ts';
export {
  type MtuNumbers,
  mtuNumbers,
  type PrivateNumbers,
  privateNumbers,
  VENDOR_ID,
} from './codec/private-numbers.ts';
export {
  addAnswer,
  addSa,
  type Choice,
  checkSaAnswer,
  chooseSa,
  createChoice,
  type ExtraTransforms,
  type SaVerdict,
  type Transform,
  type Transforms,
} from './codec/proposals.ts';
export {
  addSelectors,
  narrowSelectors,
  pairSelectors,
  parseSelectors,
  type Selector,
  type SelectorVerdict,
  selectorsEqual,
  selectorsWithin,
} from './codec/selectors.ts';
export { ALL_IKE_CIPHERS } from './crypto/all-suites.ts';
export { createSkKey, innerRoom, openMessage, type SkKey, sealedSize, sealMessage, wipeSkKey } from './crypto/sk.ts';
export {
  type IkeCipher,
  ikeCbcHmac,
  ikeCbcHmacX256,
  ikeCcm8,
  ikeCcm16,
  ikeCcm16x256,
  ikeChaCha20,
  ikeGcm16,
  ikeGcm16x256,
} from './crypto/suites.ts';
export { followNat } from './exchange/addresses.ts';
export { clearIke } from './exchange/clear.ts';
export { createIke, heard, type IkeConfig, receiveIke } from './exchange/endpoint.ts';
export {
  COUNT_ANSWERED_AGAIN,
  COUNT_COOKIES,
  COUNT_HALF_OPEN_REFUSED,
  COUNT_INVALID,
  COUNT_RECEIVED,
  COUNT_REPEATED,
  COUNT_SENT,
  COUNT_UNEXPECTED,
} from './exchange/registry.ts';
export { closeChild, closeIke, createChild, leaveIke, probe, rekeyChild, rekeyIke } from './exchange/requests.ts';
export { ikeTimeout } from './exchange/schedule.ts';
export { pollIke } from './exchange/timers.ts';
export { type AhUpper, ahProposal, createAh } from './ext/ah.ts';
export { authMethods } from './ext/announce.ts';
export { coapOf, coapProfile } from './ext/coap-profile.ts';
export { downgradePrevention } from './ext/downgrade.ts';
export { dscpNotify } from './ext/dscp-notify.ts';
export { headerCompression } from './ext/header-compression.ts';
export {
  createMtu,
  createTelling,
  hasMtu,
  type MtuUpper,
  type Telling,
  type TellingLimits,
  tellLmap,
  tellPtb,
  tellsLmap,
  tellsPtb,
} from './ext/mtu.ts';
export { natDetection } from './ext/nat.ts';
export { optimizedRekeys } from './ext/optimized-rekey.ts';
export { postQuantumKey } from './ext/ppk.ts';
export { createIntermediate, type FindPpk } from './ext/ppk-intermediate.ts';
export { resumption, ticketRequest } from './ext/resume.ts';
export { applySubspaces, subspaces, subspacesOf, subspaceTransform } from './ext/subspaces.ts';
export { tfcNotSupported } from './ext/tfc.ts';
export { createTickets, type TicketIssuer } from './ext/ticket.ts';
export { vendorId } from './ext/vendor.ts';
export type { FindPolicy, ResponderConfig, Tickets } from './setup/half-open.ts';
export { connect } from './setup/initiator.ts';
export { createResponder } from './setup/responder.ts';
export { createRounds } from './setup/rounds.ts';
export type { ChildSa, ChildStage, Draft, Note } from './state/child.ts';
export type {
  CoapPolicy,
  CompressionChoice,
  CompressionNotify,
  CompressionPolicy,
  CompressionProposal,
} from './state/compression.ts';
export type {
  Extension,
  Follow,
  FollowUp,
  FollowUps,
  Ike,
  IkeUpper,
  Intermediate,
  Responder,
  ResumeResult,
  Resumption,
  Rounds,
  SecurityProtocol,
} from './state/ike.ts';
export {
  type End,
  OUTCOME_CLOSED,
  OUTCOME_COMPRESSION,
  OUTCOME_DELETED,
  OUTCOME_INTERNAL,
  OUTCOME_NONE,
  OUTCOME_PEER_AUTH,
  OUTCOME_PEER_ID,
  OUTCOME_PPK,
  OUTCOME_PROTOCOL,
  OUTCOME_REFUSED,
  OUTCOME_REPLACED,
  OUTCOME_SELECTORS,
  OUTCOME_TIMEOUT,
  type Verdict,
} from './state/outcome.ts';
export { outcomeName } from './state/outcome-name.ts';
export type { Path } from './state/path.ts';
export { type ChildPolicy, type IkePolicy, NAT_AUTO, NAT_FORCE, NAT_OFF, type Nat, type Ppk } from './state/policy.ts';
export {
  type IkeSa,
  type IkeState,
  type Session,
  STATE_AUTH_SENT,
  STATE_CLOSING,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_FORMING,
  STATE_HALF_OPEN,
  STATE_INIT_SENT,
  STATE_INTERMEDIATE_SENT,
  STATE_REPLACED,
  STATE_RESUME_SENT,
} from './state/sa.ts';
export {
  STEP_AUTH_REQUEST,
  STEP_AUTH_RESPONSE,
  STEP_CHILD_REQUEST,
  STEP_CHILD_RESPONSE,
  STEP_IDENT_REQUEST,
  STEP_IDENT_RESPONSE,
  STEP_INIT_REQUEST,
  STEP_INIT_RESPONSE,
  type Step,
} from './state/step.ts';
export { type ChildSaView, describeIkeSa, type IkeSaView } from './state/view.ts';
