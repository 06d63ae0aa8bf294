/* How a payment stays one payment: the protocol of intend, call, settle, with everything that may go wrong.

   One merchant asks under two idempotency keys and repeats itself. API hosts serve, a worker finishes what they leave
   open, and any of them may stall or die between two steps. The acquirer has a book of its own; messages to it are
   lost, late or doubled. FAULTS bounds how often things go wrong, nothing bounds where: Spin visits every order.

   A step is one atomic block: a database transaction, or one message. What is checked is at the end: `always` after
   each step, `in_the_end` when nothing can happen any more. That every run does end is checked as well (README.md).

   -DSALE | -DCAPTURE | -DREFUND choose what is asked for; -DWITHOUT_… takes one safety mechanism away. */

#ifndef HOSTS
#define HOSTS 2       /* instances that serve requests */
#endif
#ifndef WORKERS
#define WORKERS 1     /* instances that finish what was left open */
#endif
#ifndef ASKS
#define ASKS 3        /* requests, repeats included */
#endif
#ifndef FAULTS
#define FAULTS 2      /* deaths, stalls, and messages lost, late or doubled */
#endif
#define KEYS 2
#define ROWS 2        /* attempts (or refunds): each key makes one at most */
#define SENDS 4       /* of one reference; more would need more faults */
#define CAPTURED 2    /* what refunds may not exceed; they are of 1 and of 2 */
#define amount(k) ((k) + 1)

/* Outcomes and states share their words. */
#define none 0
mtype = { sending, unknown, approved, declined, rejected, not_sent, undone, not_found };
mtype = { sale, capture, void_, refund };
mtype = { requires_payment_method, processing, requires_capture, succeeded, canceled };
mtype = { in_flight, told_processing, told_done, told_failed, refused };       /* what a key was answered */
mtype = { idle, to_inquire, to_count, to_send, waiting, to_mark, to_cancel, waiting_cancel, to_settle };
mtype = { travelling, tombstone };
/* The names of steps, for traces. */
mtype = { asked, sent, too_late, refused_connection, heard, gave_up, settled, late_settle, died, claimed, inquired,
          lost_inquiry, counted, overtaken, marked, cancel_sent, cancel_heard, cancel_given_up, arrived, doubled,
          request_lost, answer_lost, cancel_arrived, cancel_lost, cancel_answer_lost, lease_over, time_to_send_over,
          forgotten, ended };

/* ---- What is durable: our database. ---- */

typedef Row {            /* one attempt or refund; its index is the reference the acquirer knows it by */
    mtype op, state;
    byte key, epoch, sends;
    bool leased;         /* the lease has not run out */
    bool replayable;     /* no security code was given, so it may be sent again */
    bool cancelling;     /* a cancel may have been sent: nothing but a cancel follows */
}
Row row[ROWS];
byte rows;
mtype saved[KEYS] = none;
mtype status;            /* of the intent */
byte reserved;           /* for refunds, those that were made included */

/* ---- What is not ours: the acquirer's book, and the wire. ---- */

mtype book[ROWS] = none; /* none, approved, declined, undone, tombstone */
byte executed[ROWS];     /* how often money moved under a reference */
typedef Wire {
    mtype request[SENDS], answer[SENDS];
    bool over[SENDS];    /* send_by of that send has passed */
    bool turned_away[SENDS];
    mtype cancel, cancel_answer;
}
Wire wire[ROWS];

/* ---- What nobody sees: the bookkeeping of the model. ---- */

byte asks = ASKS, faults = FAULTS;
#ifdef WITHOUT_LEASE
byte stalls = 2;         /* leases that end under a living holder, with no fault at all */
#else
#define stalls faults
#endif
mtype told[KEYS] = none; /* the saved answer that the merchant was given */
byte at_work[ROWS];      /* the instance that works under the row's present epoch, plus one */

#define live(r) (row[r].state == sending || row[r].state == unknown)
#define free(r) (live(r) && !row[r].leased)
#define moved(r) (book[r] == approved)
#define unseen(r) (book[r] == none || book[r] == forgotten)
#define of_key(k) ((moved(0) && row[0].key == k) + (moved(1) && row[1].key == k))
#define takes_money(r) (row[r].op == sale || row[r].op == capture)

/* Only a sale can be undone once it was made; of the others a cancel stops what never arrived. */
#define next_cancel(r) (row[r].op == sale -> to_mark : to_cancel)

/* A trace: the step, who took it, the row, the send, the word; then all that is durable. */
#define step(name, who, r, n, word) \
    printf("@ %e %d %d %d %e\n", name, who, r, n, word); \
    printf("= %e | %e %e %d %d %d | %e %e %d %d %d | %e %e | %e %e\n", status, \
        row[0].op, row[0].state, row[0].key, row[0].epoch, row[0].sends, \
        row[1].op, row[1].state, row[1].key, row[1].epoch, row[1].sends, book[0], book[1], saved[0], saved[1])

#define under_way(r, i) (wire[r].request[i] != none || wire[r].answer[i] != none)
#define on_its_way(r) (under_way(r, 0) || under_way(r, 1) || under_way(r, 2) || under_way(r, 3))

#define agrees(r) \
    assert(executed[r] <= 1);                             /* charged once per reference */ \
    assert(row[r].state != approved || book[r] == approved); /* what we say was done was done, and stays done */ \
    assert(!(row[r].state == declined || row[r].state == rejected || row[r].state == not_sent || \
             row[r].state == undone) || book[r] != approved) /* what we say was not done never is */

inline always() {
#ifdef SCENE
    assert(!(SCENE));                                     /* to be shown a run that leads there (traces.py) */
#endif
    agrees(0);
    agrees(1);
    assert(!(takes_money(0) && takes_money(1) && moved(0) && moved(1)));          /* charged once per intent */
    assert(!(row[0].op != row[1].op && moved(0) && moved(1)));                    /* captured or voided, not both */
#ifndef WITHOUT_ONE_LIVE                                   /* the harm is to be seen, not the missing belt */
    assert(row[0].op == refund || !(live(0) && live(1)));                         /* one live attempt per intent */
#endif
    assert(of_key(0) <= 1 && of_key(1) <= 1);                                     /* a key does one thing */
    assert(row[0].op != refund || moved(0) * amount(row[0].key) + moved(1) * amount(row[1].key) <= CAPTURED);
#ifndef WITHOUT_RESERVATION
    assert(reserved <= CAPTURED);
#endif
}

/* ---- The parts of decisions. ---- */

#ifdef WITHOUT_WRITE_ONCE
#define save(k, words) saved[k] = words
#else
#define save(k, words) if :: saved[k] == none || saved[k] == in_flight -> saved[k] = words :: else fi
#endif

/* The merchant hears the answer. Under one key it never hears another. */
#define tell(k, words) \
    assert(told[k] == none || told[k] == words); \
    told[k] = words

/* Only an intent that waits for it takes a request; one that is being worked on refuses, and saves nothing. */
#ifdef WITHOUT_ONE_LIVE
#define busy false
#else
#define busy (status == processing)
#endif
#ifdef SALE
#define wanted(k) sale
#define possible(k) (status == requires_payment_method || status == processing)
#define before(r) requires_payment_method
#define after(r) succeeded
#endif
#ifdef CAPTURE
#define wanted(k) ((k) == 0 -> capture : void_)
#define possible(k) (status == requires_capture || status == processing)
#define before(r) requires_capture
#define after(r) (row[r].op == capture -> succeeded : canceled)
#endif
#ifdef REFUND
#define wanted(k) refund
#ifdef WITHOUT_RESERVATION
#define possible(k) (amount(k) <= CAPTURED)
#else
#define possible(k) (reserved + amount(k) <= CAPTURED)
#endif
#define before(r) succeeded
#define after(r) succeeded
#undef busy
#define busy false
#endif

inline begin(k) {
    r = rows;
    rows++;
    row[r].op = wanted(k);
    row[r].state = sending;
    row[r].key = k;
    row[r].epoch = 1;
    row[r].sends = 1;
    row[r].leased = true;
    if
    :: row[r].replayable = true
    :: row[r].op == sale -> row[r].replayable = false
    fi;
    at_work[r] = me + 1;
    epoch = 1;
    n = 1;
    saved[k] = in_flight;
    if
    :: row[r].op == refund -> reserved = reserved + amount(k)
    :: else -> status = processing
    fi;
    at = to_send
}

/* INTEND: the key, the row and the intent's status change in one transaction, before anything leaves the house. */
inline intend(k) {
    if
#ifndef WITHOUT_KEYS
    :: saved[k] == in_flight -> step(asked, me, k, 0, in_flight)                  /* 409, not saved */
    :: saved[k] != none && saved[k] != in_flight -> tell(k, saved[k]); step(asked, me, k, 0, saved[k])
    :: saved[k] == none && busy -> step(asked, me, k, 0, processing)              /* 429, not saved */
    :: saved[k] == none && !busy && !possible(k) -> saved[k] = refused; tell(k, refused); step(asked, me, k, 0, refused)
    :: saved[k] == none && !busy && possible(k) -> begin(k); step(asked, me, k, r, (row[r].replayable -> sending : none))
#else
    :: busy || !possible(k) || rows == ROWS -> step(asked, me, k, 0, refused)
    :: !busy && possible(k) && rows < ROWS -> begin(k); step(asked, me, k, r, (row[r].replayable -> sending : none))
#endif
    fi
}

/* Evidence as far as it concludes. Anything else is unknown, and unknown never ends by itself. */
inline weigh() {
    if
#ifdef WITHOUT_NOT_FOUND_RULE
    :: evidence == not_found -> evidence = undone
#endif
#ifndef WITHOUT_SENDS_RULE
    :: (evidence == rejected || evidence == not_sent) && (row[r].sends > 1 || row[r].state != sending) ->
           evidence = unknown                                                     /* an earlier send may still count */
#endif
#ifndef WITHOUT_CANCEL_MARK
    :: evidence == approved && row[r].cancelling -> evidence = unknown            /* a late cancel may still undo it */
#endif
#ifdef WITHOUT_PATIENCE
    :: evidence == unknown && row[r].state == unknown -> evidence = undone        /* it has been open for too long */
#endif
    :: else
    fi
}

inline apply() {
    if
    :: evidence == unknown ->
           row[r].state = unknown;
           row[r].leased = false;
           save(row[r].key, told_processing)
    :: evidence == approved ->
           row[r].state = approved;
           status = after(r);
           save(row[r].key, told_done)
    :: else ->
           row[r].state = evidence;
           if
           :: row[r].op == refund -> reserved = reserved - amount(row[r].key)
           :: else -> status = before(r)
           fi;
           save(row[r].key, told_failed)
    fi
}

/* SETTLE: only by the holder of the present epoch, once. Who comes late is told what the key was answered. */
#ifdef WITHOUT_CONDITION
#define mine true
#elif defined(WITHOUT_EPOCH)
#define mine live(r)
#else
#define mine (live(r) && row[r].epoch == epoch)
#endif
inline settle() {
    k = row[r].key;
    if
    :: mine ->
           weigh();
           apply();
           if :: is_api && saved[k] != in_flight -> tell(k, saved[k]) :: else fi;
           step(settled, me, r, n, evidence)
    :: else ->
#ifdef WITHOUT_SAVED_FIRST
           if :: is_api -> tell(k, told_processing) :: else fi;
#else
           if
           :: saved[k] == in_flight && row[r].state != sending -> save(k, told_processing)
           :: else
           fi;
           if :: is_api && saved[k] != in_flight -> tell(k, saved[k]) :: else fi;
#endif
           step(late_settle, me, r, n, evidence)
    fi;
    rest()
}

inline rest() {
    if :: at_work[r] == me + 1 -> at_work[r] = 0 :: else fi;
    at = idle;
    r = 0; n = 0; epoch = 0; k = 0;
    evidence = none
}

inline fault() {
    faults--
}

/* ---- An instance of ours. Each option of its loop is a step; between two of them it may stall for ever, or die. ---- */

proctype Instance(byte me; bool is_api) {
    mtype at = idle, evidence = none;
    byte k, r, n, epoch;
end: do
    :: atomic { is_api && at == idle && asks > 0 ->
           asks--;
           if :: k = 0 :: k = 1 fi;
           intend(k);
           k = 0;
           always() }

    /* CALL: no transaction is open. A message is written before its send_by, or not at all. */
    :: atomic { at == to_send ->
#ifndef WITHOUT_SEND_BY
           if
           :: wire[r].over[n - 1] -> evidence = not_sent; at = to_settle; step(too_late, me, r, n, not_sent)
           :: !wire[r].over[n - 1] ->
#else
           if
           :: true ->
#endif
                  wire[r].request[n - 1] = travelling; at = waiting; step(sent, me, r, n, none)
           fi }
    :: atomic { at == to_send && faults > 0 ->
           fault(); evidence = not_sent; at = to_settle; step(refused_connection, me, r, n, not_sent) }
    :: atomic { at == waiting && wire[r].answer[n - 1] != none ->
           evidence = wire[r].answer[n - 1];
           wire[r].answer[n - 1] = none;
           step(heard, me, r, n, evidence);
           at = (evidence == rejected && !is_api -> next_cancel(r) : to_settle) }
    /* Giving up while something may still come is a fault of the network. */
    :: atomic { at == waiting && wire[r].answer[n - 1] == none && (wire[r].request[n - 1] == none || faults > 0) ->
           if :: wire[r].request[n - 1] == travelling -> fault() :: else fi;
           evidence = unknown; at = to_settle; step(gave_up, me, r, n, unknown) }

    :: atomic { at == to_settle -> settle(); always() }

    /* RESOLVE: the worker takes over what has no lease any more, and looks for evidence. */
#ifdef WITHOUT_END
    :: atomic { !is_api && at == idle -> skip }      /* for ever: what the search for runs without an end must find */
#endif
    :: atomic { !is_api && at == idle && (free(0) || free(1)) ->
           if
           :: free(0) -> r = 0
           :: free(1) -> r = 1
           fi;
           row[r].epoch++;
           row[r].leased = true;
           epoch = row[r].epoch;
           at_work[r] = me + 1;
           at = (row[r].cancelling -> to_cancel : to_inquire);
           step(claimed, me, r, 0, none);
           always() }
    :: atomic { at == to_inquire ->
           if
           :: book[r] == none -> evidence = not_found
           :: book[r] == tombstone -> evidence = undone
           :: else -> evidence = book[r]
           fi;
           step(inquired, me, r, 0, evidence);
#ifdef WITHOUT_NOT_FOUND_RULE
           at = to_settle
#else
           at = (evidence != not_found -> to_settle : (row[r].replayable -> to_count : next_cancel(r)))
#endif
           }
    :: atomic { at == to_inquire && faults > 0 ->
           fault(); evidence = unknown; at = to_settle; step(lost_inquiry, me, r, 0, unknown) }
    /* Sends are rows: one more is counted before it leaves. */
    :: atomic { at == to_count ->
           if
           :: !mine -> evidence = unknown; at = to_settle; step(overtaken, me, r, 0, unknown)
           :: mine ->
                  assert(row[r].sends < SENDS);
                  row[r].sends++;
                  n = row[r].sends;
                  at = to_send;
                  step(counted, me, r, n, none)
           fi }
    /* Whoever will cancel says so first; a sale that may have been cancelled is never sent or believed again. */
    :: atomic { at == to_mark ->
           if
           :: !mine -> evidence = unknown; at = to_settle; step(overtaken, me, r, 0, unknown)
           :: mine ->
#ifndef WITHOUT_CANCEL_MARK
                  row[r].cancelling = true;
#endif
                  at = to_cancel;
                  step(marked, me, r, 0, none)
           fi }
    :: atomic { at == to_cancel ->
           wire[r].cancel = travelling; at = waiting_cancel; step(cancel_sent, me, r, 0, none) }
    :: atomic { at == waiting_cancel && wire[r].cancel_answer != none ->
           evidence = wire[r].cancel_answer;
           wire[r].cancel_answer = none;
           at = to_settle;
           step(cancel_heard, me, r, 0, evidence) }
    :: atomic { at == waiting_cancel && wire[r].cancel_answer == none && (wire[r].cancel == none || faults > 0) ->
           if :: wire[r].cancel == travelling -> fault() :: else fi;
           evidence = unknown; at = to_settle; step(cancel_given_up, me, r, 0, unknown) }

    :: atomic { at != idle && faults > 0 -> fault(); step(died, me, r, n, at); rest() }
    od
}

/* ---- One message to the acquirer: it arrives, and is answered; or not. ---- */

proctype Message(byte r; byte n) {
end: do
    :: atomic { wire[r].request[n - 1] == travelling ->
           wire[r].request[n - 1] = none;
           if
           :: unseen(r) && !wire[r].turned_away[n - 1] -> book[r] = approved; executed[r]++
           :: unseen(r) && !wire[r].turned_away[n - 1] && (row[r].op == sale || row[r].op == refund) ->
                  book[r] = declined
           :: unseen(r) -> wire[r].turned_away[n - 1] = true                /* this copy and every other */
#ifdef WITHOUT_ONE_REFERENCE
           :: book[r] == approved -> executed[r]++
#endif
           :: !unseen(r)
           fi;
           wire[r].answer[n - 1] = (book[r] == approved || book[r] == declined -> book[r] : rejected);
           step(arrived, 0, r, n, wire[r].answer[n - 1]);
           always() }
    :: atomic { wire[r].request[n - 1] == travelling && faults > 0 ->
           fault(); wire[r].request[n - 1] = none; step(request_lost, 0, r, n, none) }
    :: atomic { wire[r].answer[n - 1] != none && faults > 0 ->
           fault(); wire[r].answer[n - 1] = none; step(answer_lost, 0, r, n, none) }
    :: atomic { wire[r].answer[n - 1] != none && wire[r].request[n - 1] == none && faults > 0 ->
           fault(); wire[r].request[n - 1] = travelling; step(doubled, 0, r, n, none) }
    od
}

/* A cancel by reference undoes a sale, and keeps what never came from ever counting. Nothing else can be undone. */
proctype Cancel(byte r) {
end: do
    :: atomic { wire[r].cancel == travelling ->
           wire[r].cancel = none;
           if
           :: unseen(r) ->
#ifndef WITHOUT_TOMBSTONE
                  book[r] = tombstone;
#endif
                  wire[r].cancel_answer = undone
           :: book[r] == approved && row[r].op == sale -> book[r] = undone; wire[r].cancel_answer = undone
           :: book[r] == approved && row[r].op != sale -> wire[r].cancel_answer = unknown
           :: !unseen(r) && book[r] != approved -> wire[r].cancel_answer = undone
           fi;
           step(cancel_arrived, 0, r, 0, wire[r].cancel_answer);
           always() }
    :: atomic { wire[r].cancel == travelling && faults > 0 ->
           fault(); wire[r].cancel = none; step(cancel_lost, 0, r, 0, none) }
    :: atomic { wire[r].cancel_answer != none && faults > 0 ->
           fault(); wire[r].cancel_answer = none; step(cancel_answer_lost, 0, r, 0, none) }
    od
}

/* Time. A lease outlasts the time to send. It runs out under a living holder only if that one stalls: a fault. */
proctype Clock(byte r) {
    byte i;
end: do
    :: atomic { live(r) && row[r].leased && (at_work[r] == 0 || stalls > 0) ->
           if :: at_work[r] != 0 -> stalls-- :: else fi;
           row[r].leased = false;
           for (i : 0 .. row[r].sends - 1) { wire[r].over[i] = true }
           i = 0;
           step(lease_over, 0, r, 0, none) }
    :: atomic { live(r) && !wire[r].over[row[r].sends - 1] && faults > 0 ->
           fault();
           wire[r].over[row[r].sends - 1] = true;
           step(time_to_send_over, 0, r, row[r].sends, none) }
    /* Long after, the acquirer forgets a tombstone: never while a message written in time may be on its way. */
    :: atomic { book[r] == tombstone && row[r].state == undone && !on_its_way(r) && wire[r].cancel == none ->
           book[r] = forgotten;
           for (i : 0 .. SENDS - 1) { wire[r].over[i] = true }
           i = 0;
           step(forgotten, 0, r, 0, none) }
    od
}

/* ---- When nothing can happen any more, everything is final and both books agree. ---- */

proctype Judge() {
    timeout ->
    atomic {
        assert(!live(0) && !live(1));
        assert(status != processing);
        assert(saved[0] != in_flight && saved[1] != in_flight);
        assert(row[0].op == refund || ((moved(0) || moved(1)) == (status == succeeded || status == canceled)));
        step(ended, 0, 0, 0, none)
    }
}

init {
    byte i, n;
    atomic {
#ifdef SALE
        status = requires_payment_method;
#endif
#ifdef CAPTURE
        status = requires_capture;
#endif
#ifdef REFUND
        status = succeeded;
#endif
        for (i : 0 .. HOSTS - 1) { run Instance(i, true) }
        for (i : HOSTS .. HOSTS + WORKERS - 1) { run Instance(i, false) }
        for (i : 0 .. ROWS - 1) {
            run Cancel(i);
            run Clock(i);
            for (n : 1 .. SENDS) { run Message(i, n) }
        }
        run Judge()
    }
}
