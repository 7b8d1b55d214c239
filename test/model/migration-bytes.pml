/*
 * Part of migration.pml: the bytes of applications. After outbox.ts, schedule.ts and the tail of migration.ts.
 *
 * By side that writes: below `sent` they have been handed to a carrier, below `acked` they are acknowledged, and those
 * from `next` to `until` go out again. `tail` is the old carrier of a planned move: what is below `tailEnd` may arrive there.
 * Of the reader: bit n of `has` says that byte n has come, and `given` that all below was handed to the application.
 */
byte sent[2], acked[2], next[2], until[2], tail[2], tailEnd[2]
byte has[2], given[2]
bool owesAck[2]
bool isPlanned[2], isFirst[2]           /* of the pending proposal */

#define IS_OURS (state[me] == announcing && !isPlanned[me])
#define MAY_SEND_NEW (!IS_OURS || isFirst[me])

/* Which carrier the bytes go to now. */
inline pickSender() { if :: IS_OURS -> s = candidate[me] :: else -> s = current[me] fi }

/* Another carrier sends from now on: it states the acknowledgement again, and with `isReplay` repeats what the old one took. */
inline switchTo(isReplay) {
  tailEnd[me] = sent[me];
  if :: isReplay -> next[me] = acked[me]; until[me] = sent[me] :: else -> skip fi;
  owesAck[me] = true
}

inline giveUpTail() {
  tail[me] = NONE;
#ifndef WRONG_TAIL
  if :: next[me] < until[me] && until[me] > tailEnd[me] -> skip :: else -> until[me] = tailEnd[me] fi;
  next[me] = acked[me]
#endif
}

inline handleData(n) {
  has[me] = has[me] | (1 << n);
  do :: (has[me] >> given[me]) & 1 -> given[me]++ :: else -> break od;
  owesAck[me] = true
}

inline handleAck(n) {
  assert(n <= sent[me]);                /* ACK_BEYOND_SENT */
  if :: n > acked[me] -> acked[me] = n :: else -> skip fi;
  if :: n > next[me] -> next[me] = n :: else -> skip fi
}

/* A carrier takes only so much at once. */
#define HAS_ROOM(c) ((c) != NONE && len(TOWARDS(c, PEER)) < 3)
#define HAS_BYTES (next[me] < until[me] || (MAY_SEND_NEW && sent[me] < (me == 0 -> BYTES : BYTES_1)))
#define CAN_SEND ((HAS_BYTES || owesAck[me]) && ((IS_OURS && HAS_ROOM(candidate[me])) || (!IS_OURS && HAS_ROOM(current[me]))))
