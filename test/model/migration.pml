/*
 * The rules of migration, for spin: two sides that move one association between carriers and repeat what was lost.
 * `npm run model` checks the variants that scripts/model.mjs lists; docs/protocol.md says what that shows and what not.
 *
 * A carrier is reliable and ordered until it is cut; then any part of its tail is lost, in either direction, and the two sides
 * learn of it at different times. So a carrier is two queues and `up`: after the cut nothing enters a queue, and who reads it
 * may take the next message or, at any point, lose the rest. Nothing arrives twice: resumption.pml shows that.
 *
 *     MIGRATE epoch, planned    once, on the carrier that it makes active
 *     YES     epoch             MIGRATE_ACK, accepted
 *     NO      epoch, greatest   MIGRATE_ACK, refused
 *     DATA    offset            one byte; with BYTES, each side writes that many to the other
 *     ACK     offset            all below has come
 *
 * Time is left out: whatever waits for a timer may happen at once or late. A timer that can be wrong has a budget (TIMERS).
 * Every run ends, since moves and wrong timers are counted. Then all is quiet, and the claims at the end of this file are
 * looked at. A run that needs more than CARRIERS (3 to 5) or EPOCHS ends there and is excused (`isPoor`).
 *
 *     MOVES     how often each side moves: all carriers die, the active one does, or none (a planned move, or a doubt)
 *               MOVES_1, BYTES_1: where side 1 differs
 *     TIMERS    how many proposals are given up although their answer is on its way
 *     BYTES     how many bytes each side writes; an application's bytes have the sending carrier and the replay of outbox.ts,
 *               schedule.ts, migration.ts.
 *     PLANNED   a move may be planned: bytes stay on the active carrier until the answer, and its tail is not sent again
 *     FIRST     no carrier yet, both sides dial; otherwise carrier 0 is active, epoch 0 of side 0
 *
 * WRONG_* breaks one rule each: spin must find it.
 *     WRONG_EPOCH_PER_SIDE    each side counts its own proposals
 *     WRONG_TAIL              the tail of a planned move is not sent again when the old carrier is lost
 *     WRONG_UNNAMED_ANSWER    an answer counts for whatever proposal is pending on its carrier or another
 */
#ifndef CARRIERS
#define CARRIERS 5
#endif
#ifndef EPOCHS
#define EPOCHS 5
#endif
#ifndef MOVES
#define MOVES 1
#endif
#ifndef MOVES_1
#define MOVES_1 MOVES
#endif
#ifndef BYTES_1
#define BYTES_1 BYTES
#endif
#ifndef TIMERS
#define TIMERS 0
#endif
#define NONE CARRIERS
#define PEER (1 - me)

mtype = { stable, suspended, announcing, expired }
mtype = { active_lost, candidate_ready, greater_migrate, smaller_migrate, hold_over, accepted, failed_active_lives, failed_active_lost }
mtype = { MIGRATE, YES, NO, DATA, ACK }

/* Carriers. What belongs to one end of one has the index END(carrier, side). */
#define END(c, side) ((c) * 2 + (side))
#define TOWARDS(c, side) queue[END(c, side)]
chan queue[CARRIERS * 2] = [7] of { mtype, byte, byte }
bool up[CARRIERS]
byte made = 1                           /* carriers from here on do not exist yet */
bool isDialed[CARRIERS * 2]             /* by this side */
bool isKnown[CARRIERS * 2]              /* this side has heard something on it */
bool isRetired[CARRIERS * 2]            /* closed once it is silent */
byte epochOf[CARRIERS * 2]              /* greatest epoch of a MIGRATE that it carried; 0 for none */

/* Each side. */
mtype state[2]
byte current[2]                         /* the active carrier, or NONE */
byte epoch[2], proposer[2]              /* the pair in force */
byte greatest[2]                        /* epoch seen */
byte proposed[2], candidate[2]          /* while announcing: the pending proposal's epoch and carrier */
byte moved[2]
byte timers
bool isPoor

/* The migration table, row by row as in src/session/migration-table.ts: a test compares the two. */
inline step(event) {
  if
  :: state[me] == stable && event == active_lost -> state[me] = suspended              /* suspend */
  :: state[me] == stable && event == candidate_ready -> state[me] = announcing         /* propose */
  :: state[me] == stable && event == greater_migrate -> state[me] = stable             /* accept */
  :: state[me] == stable && event == smaller_migrate -> state[me] = stable             /* refuse */
  :: state[me] == suspended && event == candidate_ready -> state[me] = announcing      /* propose */
  :: state[me] == suspended && event == greater_migrate -> state[me] = stable          /* accept */
  :: state[me] == suspended && event == smaller_migrate -> state[me] = suspended       /* refuse */
  :: state[me] == suspended && event == hold_over -> state[me] = expired               /* expire */
  :: state[me] == announcing && event == active_lost -> state[me] = announcing         /* suspend */
  :: state[me] == announcing && event == greater_migrate -> state[me] = stable         /* accept */
  :: state[me] == announcing && event == smaller_migrate -> state[me] = announcing     /* refuse */
  :: state[me] == announcing && event == accepted -> state[me] = stable                /* resume */
  :: state[me] == announcing && event == failed_active_lives -> state[me] = stable     /* return */
  :: state[me] == announcing && event == failed_active_lost -> state[me] = suspended   /* suspend */
  :: else -> skip                                                                      /* changes nothing */
  fi
}

#define IS_GREATER(e1, p1, e2, p2) ((e1) > (e2) || ((e1) == (e2) && (p1) > (p2)))

#ifdef WRONG_EPOCH_PER_SIDE
inline see(e) { skip }
#define WINS(e, p) ((e) > epoch[me] && (state[me] != announcing || (p) > me))
#else
inline see(e) { if :: (e) > greatest[me] -> greatest[me] = e :: else -> skip fi }
#define WINS(e, p) (IS_GREATER(e, p, epoch[me], proposer[me]) && (state[me] != announcing || IS_GREATER(e, p, proposed[me], me)))
#endif

inline send(c, type, x, y) {
  if
  :: up[c] -> assert(nfull(TOWARDS(c, PEER))); TOWARDS(c, PEER)!type, x, y
  :: else -> skip
  fi
}

/* What was on its way to this side on `c` is lost. */
inline forgetQueue(c) { do :: nempty(TOWARDS(c, me)) -> TOWARDS(c, me)?type, x, y :: empty(TOWARDS(c, me)) -> break od }

#ifdef BYTES
#include "migration-bytes.pml"
#endif

inline close(c) { up[c] = false; forgetQueue(c); isRetired[END(c, me)] = false }

inline propose(c, planned) {
  if
  :: greatest[me] < EPOCHS ->
     step(candidate_ready);
#ifdef BYTES
     isFirst[me] = epoch[me] == 0 && current[me] == NONE;
     isPlanned[me] = planned;
#endif
     greatest[me]++;
     proposed[me] = greatest[me];
     candidate[me] = c;
     epochOf[END(c, me)] = proposed[me];
     isRetired[END(c, me)] = false;
     send(c, MIGRATE, proposed[me], planned);
#ifdef BYTES
     if :: planned -> skip :: else -> switchTo(true) fi
#endif
  :: else -> isPoor = true
  fi
}

/* Another carrier, over which the first word is ours. */
inline dial(planned) {
  if
  :: made < CARRIERS ->
     up[made] = true;
     isDialed[END(made, me)] = true;
     isKnown[END(made, me)] = true;
     made++;
     propose(made - 1, planned)
  :: else -> isPoor = true
  fi
}

inline loseActive() {
  forgetQueue(current[me]);
  current[me] = NONE;
  step(active_lost);
  for (i : 0 .. CARRIERS - 1) { isRetired[END(i, me)] = false }
  i = 0;
#ifdef BYTES
  if
  :: state[me] == announcing && isPlanned[me] -> isPlanned[me] = false; switchTo(true)
  :: else -> skip
  fi
#endif
}

inline failProposal() {
  candidate[me] = NONE;
  proposed[me] = 0;
  if :: current[me] == NONE -> step(failed_active_lost) :: else -> step(failed_active_lives) fi;
#ifdef BYTES
  if :: current[me] != NONE && !isPlanned[me] -> switchTo(true) :: else -> skip fi;
  isPlanned[me] = false;
  isFirst[me] = false
#endif
}

/* The migrator, nobody else, closes the carriers that it dialed or that carried a proposal. */
inline retireOld() {
  for (i : 0 .. CARRIERS - 1) {
    if
    :: i != current[me] && up[i] && isKnown[END(i, me)] && (i == 0 || epochOf[END(i, me)] > 0 || isDialed[END(i, me)]) ->
       isRetired[END(i, me)] = true
    :: else -> skip
    fi
  }
  i = 0
}

/* Spin puts arguments in as text, and they may be the two that are cleared: so these go last. */
inline activate(c, e, p, isTailAlive) {
#ifdef BYTES
  if :: tail[me] != NONE && tail[me] != c -> giveUpTail() :: else -> skip fi;
  if :: isTailAlive -> tail[me] = current[me] :: else -> tail[me] = NONE fi;
  isPlanned[me] = false;
  isFirst[me] = false;
#endif
#ifdef WRONG_EPOCH_PER_SIDE
  if :: p == me -> skip :: else -> epoch[me] = e fi;
#else
  epoch[me] = e;
#endif
  proposer[me] = p;
  current[me] = c;
  isRetired[END(current[me], me)] = false;
  candidate[me] = NONE;
  proposed[me] = 0
}

inline handleMigrate(c, e, planned) {
  see(e);
  epochOf[END(c, me)] = e;
  if
  :: WINS(e, PEER) ->
     step(greater_migrate);
     send(c, YES, e, 0);
#ifdef BYTES
     z = planned && current[me] != NONE && current[me] != c;
     activate(c, e, PEER, z);
     switchTo(!z);
     z = false
#else
     activate(c, e, PEER, false)
#endif
  :: else ->
     step(smaller_migrate);
     send(c, NO, e, greatest[me])
  fi
}

#ifdef WRONG_UNNAMED_ANSWER
#define IS_ANSWER(c, e) (state[me] == announcing)
#else
#define IS_ANSWER(c, e) (state[me] == announcing && (c) == candidate[me] && (e) == proposed[me])
#endif

inline handleAnswer(c, isAccepted, e, theirs) {
  if
  :: !isAccepted -> see(theirs)
  :: else -> skip
  fi;
  if
  :: IS_ANSWER(c, e) && isAccepted ->
     step(accepted);
#ifdef BYTES
     planned = isPlanned[me];
     z = planned && current[me] != NONE;
     activate(candidate[me], proposed[me], me, z);
     if :: planned -> switchTo(!z) :: else -> skip fi;
     z = false; planned = false;
#else
     activate(candidate[me], proposed[me], me, false);
#endif
     retireOld()
  :: IS_ANSWER(c, e) && !isAccepted -> failProposal()      /* the carrier stays, as a standby */
  :: else -> skip                                          /* late */
  fi
}

#define HAS_MESSAGE(c) nempty(TOWARDS(c, me))
#if CARRIERS > 3
#define FOURTH(text) text
#else
#define FOURTH(text)
#endif
#if CARRIERS > 4
#define FIFTH(text) text
#else
#define FIFTH(text)
#endif
#define PICK(condition) :: condition(0) -> c = 0 :: condition(1) -> c = 1 :: condition(2) -> c = 2 \
  FOURTH(:: condition(3) -> c = 3) FIFTH(:: condition(4) -> c = 4)
#define ANY(condition) (condition(0) || condition(1) || condition(2) FOURTH(|| condition(3)) FIFTH(|| condition(4)))

/* What may be proposed on while there is no active carrier. */
#define IS_CANDIDATE(c) (isKnown[END(c, me)] && up[c] && !isRetired[END(c, me)])
#define IS_SILENT(c) (isRetired[END(c, me)] && up[c])

proctype side(byte me) provided (!isPoor) {
  mtype type
  byte x, y, c, i, s
  bool z, planned
end:
  do
#ifdef PLANNED
  :: atomic { moved[me] < (me == 0 -> MOVES : MOVES_1) && state[me] == stable && current[me] != NONE -> moved[me]++; dial(true) }
#endif

  /* A new address, or a doubt. */
  :: atomic { moved[me] < (me == 0 -> MOVES : MOVES_1) ->
       moved[me]++;
       if
       :: for (i : 0 .. CARRIERS - 1) { up[i] = false }; i = 0
       :: current[me] != NONE -> up[current[me]] = false
       :: skip
       fi;
       if
       :: state[me] == announcing -> close(candidate[me]); failProposal()
       :: else -> skip
       fi;
       dial(false)
     }

  :: atomic { current[me] != NONE && !up[current[me]] -> loseActive() }
  :: atomic { state[me] == announcing && !up[candidate[me]] -> forgetQueue(candidate[me]); failProposal() }
  :: atomic { state[me] == announcing && timers < TIMERS -> timers++; close(candidate[me]); failProposal() }
  :: atomic { ANY(IS_SILENT) -> if PICK(IS_SILENT) fi; close(c); c = 0 }

  :: atomic { state[me] == suspended ->
       if
       :: dial(false)
       :: ANY(IS_CANDIDATE) -> if PICK(IS_CANDIDATE) fi; propose(c, false); c = 0
       fi
     }

  :: atomic { ANY(HAS_MESSAGE) ->
       if PICK(HAS_MESSAGE) fi;
       if
       :: TOWARDS(c, me)?type, x, y;
          isKnown[END(c, me)] = true;
          if
          :: type == MIGRATE -> handleMigrate(c, x, y)
          :: type == YES -> handleAnswer(c, true, x, 0)
          :: type == NO -> handleAnswer(c, false, x, y)
#ifdef BYTES
          :: type == DATA -> handleData(x)
          :: type == ACK -> handleAck(x)
#endif
          fi
       :: !up[c] -> forgetQueue(c)
       fi;
       type = YES; x = 0; y = 0; c = 0; i = 0
     }

#ifdef BYTES
  :: atomic { CAN_SEND ->
       pickSender();
       if
       :: owesAck[me] -> send(s, ACK, given[me], 0); owesAck[me] = false
       :: next[me] < until[me] -> send(s, DATA, next[me], 0); next[me]++
       :: next[me] >= until[me] && MAY_SEND_NEW && sent[me] < (me == 0 -> BYTES : BYTES_1) -> send(s, DATA, sent[me], 0); sent[me]++
       fi;
       s = 0
     }
  :: atomic { tail[me] != NONE -> giveUpTail() }       /* lost, closed, or silent for long enough */
#endif

  :: timeout -> break
  od
}

init {
  atomic {
    current[0] = NONE; current[1] = NONE;
    candidate[0] = NONE; candidate[1] = NONE;
#ifdef BYTES
    tail[0] = NONE; tail[1] = NONE;
#endif
#ifdef FIRST
    state[0] = suspended; state[1] = suspended;
#else
    state[0] = stable; state[1] = stable;
    current[0] = 0; current[1] = 0;
    up[0] = true;
    isKnown[END(0, 0)] = true; isKnown[END(0, 1)] = true;
#endif
    run side(0); run side(1)
  };
  timeout ->
  /* Agreement: when all is quiet, both are stable on the same living carrier. */
  assert(isPoor || (state[0] == stable && state[1] == stable && current[0] == current[1] && up[current[0]]));
#ifdef BYTES
  /* Everything written has been given to the application, in order, and its writer knows. */
  assert(isPoor || (given[1] == BYTES && acked[0] == BYTES && given[0] == BYTES_1 && acked[1] == BYTES_1))
#endif
}
