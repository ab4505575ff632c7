-- Every change of a job's record happens here, atomically: this script, and nothing else, writes it.
--
-- ARGV: the operation, the job's id ('' for `beat` and `sweep`), then names and values in turn.
-- Above this text stand NEXT_STATES, REPLAYABLE and CELERY_STATES, made from the tables in workers/jobs/state.py.
-- Values of JSON are opaque fragments: they are put together, never parsed, because cjson turns [] into {}.
-- Times are microseconds by Redis' own clock, exact in a double until the year 2255.
-- Keys are built here, so all of them must lie on one node.
--
-- Replies: {'OK', ...}, or a refusal: {'NOT_FOUND'}, {'EXPIRED'}, {'REFUSED', state}, {'FENCED', state}, {'REUSED', id}, {'FULL'}.

local operation, id = ARGV[1], ARGV[2]
local arg = {}
for i = 3, #ARGV, 2 do arg[ARGV[i]] = ARGV[i + 1] end

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local function int(number) return string.format('%.0f', number) end

-- ---------------------------------------------------------------- the record

local function job_key(job_id) return 'pdfgateway:job:' .. job_id end
local function record_key(job_id) return 'celery-task-meta-' .. job_id end

local function expired_key(job_id) return 'pdfgateway:expired:' .. job_id end

local function missing(job_id) return {redis.call('EXISTS', expired_key(job_id)) == 1 and 'EXPIRED' or 'NOT_FOUND'} end

local function load(job_id)
  local pairs_ = redis.call('HGETALL', job_key(job_id))
  if #pairs_ == 0 then return nil end
  local job = {}
  for i = 1, #pairs_, 2 do job[pairs_[i]] = pairs_[i + 1] end
  return job
end

local NUMBERS = {'run', 'attempt', 'max_attempts', 'create_time_us', 'start_time_us', 'update_time_us', 'end_time_us',
  'expire_time_us', 'next_attempt_time_us', 'deadline_time_us'}
local FRAGMENTS = {'request', 'progress', 'last_error'}
local SEPARATOR = ',\n'  -- between attempts; no JSON has a raw newline inside a string
local ATTEMPTS_KEPT_MAX = 20

local function has_worker(job) return job.state == 'RUNNING' or job.state == 'CANCELLING' end

local function attempt_text(job, state, end_time_us, error)
  return '{"run":' .. job.run .. ',"attempt":' .. job.attempt .. ',"state":"' .. state .. '","worker":"' .. job.worker
    .. '","start_time_us":' .. job.attempt_time_us .. (end_time_us and ',"end_time_us":' .. end_time_us or '')
    .. (error and ',"error":' .. error or '') .. '}'
end

local function attempts(job)
  local parts = {job.past_attempts}
  if has_worker(job) then parts[#parts + 1] = attempt_text(job, 'RUNNING') end
  return '[' .. table.concat(parts, SEPARATOR) .. ']'
end

-- The attempt ends with the job's entering `state`: by a failure, where there is an error.
local function end_attempt(job, state, error)
  local outcome = error and 'FAILED' or (state == 'QUEUED' and 'HANDED_BACK' or state)
  local ended = attempt_text(job, outcome, int(now), error)
  local past = job.past_attempts and job.past_attempts .. SEPARATOR .. ended or ended
  local _, separators = string.gsub(past, SEPARATOR, '')
  for _ = ATTEMPTS_KEPT_MAX, separators do
    past = string.sub(past, select(2, string.find(past, SEPARATOR, 1, true)) + 1)
  end
  job.past_attempts = past
end

local function compose(job_id, job, celery_state, result, date_done)
  local parts = {'"seq":' .. job.seq, '"state":"' .. job.state .. '"'}
  for _, name in ipairs(NUMBERS) do
    if job[name] then parts[#parts + 1] = '"' .. name .. '":' .. job[name] end
  end
  for _, name in ipairs(FRAGMENTS) do
    if job[name] then parts[#parts + 1] = '"' .. name .. '":' .. job[name] end
  end
  parts[#parts + 1] = '"attempts":' .. attempts(job)
  if job.reused_job_id then parts[#parts + 1] = '"reused_job_id":"' .. job.reused_job_id .. '"' end
  return '{"status":"' .. celery_state .. '","result":' .. result .. ',"traceback":null,"children":[],"date_done":"'
    .. date_done .. '","task_id":"' .. job_id .. '","job":{' .. table.concat(parts, ',') .. '}}'
end

-- A job that SUCCEEDED is never written again: all that is still needed of its hash is what its removal needs. Its source,
-- which may hold secrets, is not.
local KEPT_OF_SUCCEEDED = {state = true, blob = true, request_key = true, result_key = true}

-- Write a changed job: its working hash, its record, and the news of it on the record's own channel, as Celery does.
-- `result` is Celery's: a return value, progress, an exception, or null.
local function write(job_id, job, result, celery_state)
  job.seq = int((job.seq or 0) + 1)
  job.update_time_us = int(now)
  local record = compose(job_id, job, celery_state or CELERY_STATES[job.state], result or 'null', arg.date_done)
  local fields = {}
  for name, value in pairs(job) do
    if job.state ~= 'SUCCEEDED' or KEPT_OF_SUCCEEDED[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  local key = job_key(job_id)
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(fields))
  redis.call('SET', record_key(job_id), record)
  redis.call('PUBLISH', record_key(job_id), record)
  return record
end

local function is_terminal(state) return next(NEXT_STATES[state]) == nil end

local function keep_for_retention(job_id, job)
  job.expire_time_us = int(now + job.retention_us)
  redis.call('ZADD', 'pdfgateway:expiry', job.expire_time_us, job_id)
end

-- Put a job into a state, and keep the indexes true.
local function place(job_id, job, state)
  redis.call('ZREM', 'pdfgateway:jobs:' .. job.state, job_id)
  redis.call('ZADD', 'pdfgateway:jobs:' .. state, job.create_time_us, job_id)
  for _, index in ipairs({'queued', 'leases', 'retrying'}) do redis.call('ZREM', 'pdfgateway:' .. index, job_id) end
  job.state = state
  job.next_attempt_time_us = nil
  if is_terminal(state) then
    job.end_time_us = int(now)
    redis.call('ZREM', 'pdfgateway:deadlines', job_id)
    keep_for_retention(job_id, job)
    if state == 'SUCCEEDED' and job.result_key then redis.call('SET', job.result_key, job_id) end
  end
end

-- Move a job to another state, if that state may follow. `error` is that of the attempt which ends so, if it failed.
local function enter(job_id, job, state, error)
  if not NEXT_STATES[job.state][state] then return false end
  if has_worker(job) and state ~= 'CANCELLING' then end_attempt(job, state, error) end
  place(job_id, job, state)
  return true
end

-- Put a job's Celery message on the queue. `arg.message` is Celery's own envelope with places for the id and the tag.
local function enqueue(job_id, job, at_front)
  local message = string.gsub(arg.message, arg.id_place, job_id)
  message = string.gsub(message, arg.tag_place, job_id .. '.' .. int((job.seq or 0) + 1) .. '.' .. int(now))
  local score = now
  if at_front then
    -- First in the queue is first in the index too, or all the others would seem to have been passed by.
    local oldest = redis.call('ZRANGE', 'pdfgateway:queued', 0, 0, 'WITHSCORES')
    if oldest[2] then score = math.min(now, tonumber(oldest[2]) - 1) end
  end
  redis.call(at_front and 'RPUSH' or 'LPUSH', arg.queue, message)
  redis.call('ZADD', 'pdfgateway:queued', int(score), job_id)
end

-- A job's dead letter: the same text as long as the job is not changed, by which it is found again.
local function dead_letter(job_id, job)
  return '{"job_id":"' .. job_id .. '","run":' .. job.run .. ',"attempt":' .. job.attempt .. ',"time_us":' .. job.end_time_us
    .. ',"error":' .. job.last_error .. ',"attempts":' .. attempts(job) .. '}'
end

local function unbury(job_id, job)
  if job.dead_letters then redis.call('LREM', job.dead_letters, -1, dead_letter(job_id, job)) end
  job.dead_letters = nil
end

local function fail(job_id, job, error, exception, queue)
  if not enter(job_id, job, 'FAILED', error) then return false end
  job.last_error = error
  job.dead_letters = queue
  write(job_id, job, exception)
  redis.call('LPUSH', queue, dead_letter(job_id, job))
  redis.call('LTRIM', queue, 0, tonumber(arg.dead_letters_max) - 1)
  return true
end

-- ---------------------------------------------------------------- uploaded bytes

local function blob_key(blob) return 'pdfgateway:blob:' .. blob end

local function use_blob(blob)
  redis.call('INCR', blob_key(blob))
  redis.call('ZREM', 'pdfgateway:blobs_unused', blob)
end

local function disuse_blob(blob)
  if redis.call('DECR', blob_key(blob)) > 0 then return end
  redis.call('DEL', blob_key(blob))
  redis.call('ZADD', 'pdfgateway:blobs_unused', int(now), blob)
end

-- ---------------------------------------------------------------- the end of a record

local function delete_if_ours(key, job_id)
  if not key then return end
  local holder = redis.call('GET', key)
  if holder and string.sub(holder, 1, #job_id) == job_id then redis.call('DEL', key) end
end

local function remove(job_id, job)
  unbury(job_id, job)
  if job.blob then disuse_blob(job.blob) end
  delete_if_ours(job.request_key, job_id)
  delete_if_ours(job.result_key, job_id)
  redis.call('DEL', record_key(job_id), job_key(job_id))
  for _, index in ipairs({'expiry', 'deadlines', 'queued', 'leases', 'retrying', 'jobs', 'jobs:' .. job.state}) do
    redis.call('ZREM', 'pdfgateway:' .. index, job_id)
  end
end

-- ---------------------------------------------------------------- the gateway's operations

local operations = {}

function operations.submit()
  if arg.request_key then
    local known = redis.call('GET', arg.request_key)
    if known then
      local known_id, digest = string.match(known, '^(%S+) (%S+)$')
      if digest ~= arg.request_digest then return {'REUSED', known_id} end
      local record = redis.call('GET', record_key(known_id))
      if record then return {'OK', record} end
    end
  end
  -- A call that is repeated because its answer was lost finds its own job.
  if load(id) then return {'OK', redis.call('GET', record_key(id))} end
  if not arg.reused_job_id and redis.call('ZCARD', 'pdfgateway:queued') >= tonumber(arg.queued_max) then return {'FULL'} end
  local job = {state = 'QUEUED', run = '1', attempt = '0', fence = '0', max_attempts = arg.max_attempts,
    create_time_us = int(now), retention_us = arg.retention_us, request = arg.request, source = arg.source,
    blob = arg.blob, request_key = arg.request_key, result_key = arg.result_key, reused_job_id = arg.reused_job_id}
  if arg.request_key then redis.call('SET', arg.request_key, id .. ' ' .. arg.request_digest) end
  if arg.blob then use_blob(arg.blob) end
  redis.call('ZADD', 'pdfgateway:jobs', job.create_time_us, id)
  if arg.reused_job_id then
    place(id, job, 'SUCCEEDED')
    return {'OK', write(id, job, arg.result)}
  end
  if arg.deadline_us then
    job.deadline_time_us = int(now + arg.deadline_us)
    redis.call('ZADD', 'pdfgateway:deadlines', job.deadline_time_us, id)
  end
  place(id, job, 'QUEUED')
  keep_for_retention(id, job)
  enqueue(id, job)
  return {'OK', write(id, job)}
end

-- Somebody is about to keep bytes that no job refers to yet. Refused while the same bytes are being removed.
function operations.expect_blob()
  if redis.call('ZSCORE', 'pdfgateway:blobs_removing', arg.blob) then return {'REFUSED', 'REMOVING'} end
  if redis.call('EXISTS', blob_key(arg.blob)) == 0 then redis.call('ZADD', 'pdfgateway:blobs_unused', int(now), arg.blob) end
  return {'OK'}
end

-- A replay is the one way out of a terminal state.
function operations.replay()
  local job = load(id)
  if not job then return missing(id) end
  if not is_terminal(job.state) then return {'OK', redis.call('GET', record_key(id))} end
  if not REPLAYABLE[job.state] then return {'REFUSED', job.state} end
  unbury(id, job)
  place(id, job, 'QUEUED')
  keep_for_retention(id, job)
  job.run, job.attempt = int(job.run + 1), '0'
  job.start_time_us, job.end_time_us, job.deadline_time_us, job.progress, job.last_error = nil, nil, nil, nil, nil
  enqueue(id, job)
  return {'OK', write(id, job)}
end

function operations.delete()
  local job = load(id)
  if not job then return missing(id) end
  if not is_terminal(job.state) then return {'REFUSED', job.state} end
  local record = redis.call('GET', record_key(id))
  remove(id, job)
  return {'OK', record}
end

-- Remove a job's dead letter, given its text, and leave the job as it is. Replies OK with the number of letters removed.
function operations.purge()
  local removed = redis.call('LREM', arg.dead_letters, 1, arg.text)
  if removed == 1 and id ~= '' then redis.call('HDEL', job_key(id), 'dead_letters') end
  return {'OK', removed}
end

function operations.cancel()
  local job = load(id)
  if not job then return missing(id) end
  if job.state == 'CANCELLING' then return {'OK', redis.call('GET', record_key(id))} end
  if enter(id, job, 'CANCELLED') then return {'OK', write(id, job, arg.revoked)} end
  local lease = redis.call('ZSCORE', 'pdfgateway:leases', id)
  if not enter(id, job, 'CANCELLING') then return {'REFUSED', job.state} end
  redis.call('ZADD', 'pdfgateway:leases', lease or int(now), id)
  return {'OK', write(id, job)}
end

-- ---------------------------------------------------------------- the worker's operations

-- Only one holder at a time: a job is taken from QUEUED, and the fence that comes with the lease is higher each time.
function operations.take()
  local job = load(id)
  if not job then return {'NOT_FOUND'} end
  if job.state == 'RUNNING' and job.take_token == arg.take_token then
    -- The call is repeated because its answer was lost.
    return {'OK', job.fence, job.attempt, job.max_attempts, job.source, job.request, attempts(job)}
  end
  if job.state ~= 'QUEUED' then return {'REFUSED', job.state} end
  local enqueued = tonumber(redis.call('ZSCORE', 'pdfgateway:queued', id) or 0)
  local frontier = tonumber(redis.call('GET', 'pdfgateway:frontier') or 0)
  if enqueued > frontier then redis.call('SET', 'pdfgateway:frontier', int(enqueued)) end
  enter(id, job, 'RUNNING')
  -- Higher than any before, even if Redis has lost its last second.
  job.fence = int(math.max(job.fence + 1, now))
  job.take_token = arg.take_token
  job.attempt = int(job.attempt + 1)
  job.worker = arg.worker
  job.attempt_time_us = int(now)
  job.start_time_us = job.start_time_us or int(now)
  job.progress = arg.progress
  redis.call('ZADD', 'pdfgateway:leases', int(now + arg.lease_us), id)
  write(id, job)
  return {'OK', job.fence, job.attempt, job.max_attempts, job.source, job.request, attempts(job)}
end

-- The job, if the caller's fence is the newest and the job is in its hands.
local function held()
  local job = load(id)
  if not job then return nil, missing(id) end
  if job.fence ~= arg.fence or not has_worker(job) then
    return nil, {'FENCED', job.state}
  end
  return job
end

function operations.progress()
  local job, refusal = held()
  if not job then return refusal end
  job.progress = arg.progress
  redis.call('ZADD', 'pdfgateway:leases', int(now + arg.lease_us), id)
  write(id, job, arg.progress, job.state == 'RUNNING' and 'PROGRESS' or nil)
  return {'OK', job.state}
end

function operations.finish()
  local job, refusal = held()
  if not job then return refusal end
  if job.state == 'CANCELLING' then
    enter(id, job, 'CANCELLED')
    write(id, job, arg.revoked)
  elseif arg.state == 'FAILED' then
    if arg.progress then job.progress = arg.progress end
    fail(id, job, arg.error, arg.result, arg.dead_letters)
  else
    if not enter(id, job, arg.state) then return {'REFUSED', job.state} end
    job.progress = arg.progress or job.progress
    write(id, job, arg.result)
  end
  return {'OK', job.state}
end

function operations.retry()
  local job, refusal = held()
  if not job then return refusal end
  if job.state == 'RUNNING' and tonumber(job.attempt) >= tonumber(job.max_attempts) then
    return {'REFUSED', job.state}
  end
  if job.state == 'CANCELLING' then
    enter(id, job, 'CANCELLED')
    write(id, job, arg.revoked)
    return {'OK', job.state}
  end
  enter(id, job, 'RETRYING', arg.error)
  job.last_error = arg.error
  job.next_attempt_time_us = int(now + arg.delay_us)
  redis.call('ZADD', 'pdfgateway:retrying', job.next_attempt_time_us, id)
  write(id, job, arg.result)
  return {'OK', job.state}
end

-- A worker that has to stop gives its job back: the attempt does not count, and the job is next in the queue.
function operations.hand_back()
  local job, refusal = held()
  if not job then return refusal end
  if enter(id, job, 'QUEUED') then
    job.attempt = int(job.attempt - 1)
    job.progress = nil
    enqueue(id, job, true)
    write(id, job)
  else
    enter(id, job, 'CANCELLED')
    write(id, job, arg.revoked)
  end
  return {'OK', job.state}
end

-- A consumer's heartbeat: it is alive, and so are its leases, given as 'id fence' pairs. Replies a state for each:
-- RUNNING (go on), CANCELLING (stop, and say so by finish) or LOST (stop, and say nothing).
function operations.beat()
  redis.call('ZADD', 'pdfgateway:consumers', int(now), arg.worker)
  local reply = {}
  for job_id, fence in string.gmatch(arg.leases, '(%S+) (%S+)') do
    local found = redis.call('HMGET', job_key(job_id), 'fence', 'state')
    if found[1] == fence and (found[2] == 'RUNNING' or found[2] == 'CANCELLING') then
      redis.call('ZADD', 'pdfgateway:leases', int(now + arg.lease_us), job_id)
      reply[#reply + 1] = found[2]
    else
      reply[#reply + 1] = 'LOST'
    end
  end
  return {'OK', unpack(reply)}
end

-- ---------------------------------------------------------------- the sweeper's operation

local function due(index, score) return redis.call('ZRANGEBYSCORE', 'pdfgateway:' .. index, '-inf', score, 'LIMIT', 0, arg.batch_max) end

local function requeue(job_id, job, error)
  if not enter(job_id, job, 'QUEUED', error) then return end
  job.progress = nil
  enqueue(job_id, job)
  write(job_id, job)
end

local function sweep_lapsed(job_id, job)
  if job.state == 'CANCELLING' then
    enter(job_id, job, 'CANCELLED')
    write(job_id, job, arg.revoked)
  elseif tonumber(job.attempt) >= tonumber(job.max_attempts) then
    fail(job_id, job, arg.lapsed_error, arg.lapsed_exception, arg.lapsed_dead_letters)
  else
    job.last_error = arg.lapsed_error
    requeue(job_id, job, arg.lapsed_error)
  end
end

local function sweep_overdue(job_id, job)
  fail(job_id, job, arg.overdue_error, arg.overdue_exception, arg.overdue_dead_letters)
end

local function sweep_expired(job_id, job)
  if not is_terminal(job.state) then return sweep_overdue(job_id, job) end
  remove(job_id, job)
  -- Even a full Redis must get rid of jobs; that one was is then forgotten.
  redis.pcall('SET', expired_key(job_id), '', 'PX', arg.tombstone_ms)
end

-- Uploads that no job has used for a while, and those whose removal was begun and not ended.
local function claim_blobs()
  local begun = redis.call('ZRANGEBYSCORE', 'pdfgateway:blobs_removing', '-inf', int(now - arg.removal_us), 'LIMIT', 0,
    arg.batch_max)
  local unused = redis.call('ZRANGEBYSCORE', 'pdfgateway:blobs_unused', '-inf', int(now - arg.unused_us), 'LIMIT', 0,
    arg.batch_max)
  for _, blob in ipairs(unused) do
    redis.call('ZREM', 'pdfgateway:blobs_unused', blob)
    begun[#begun + 1] = blob
  end
  for _, blob in ipairs(begun) do redis.call('ZADD', 'pdfgateway:blobs_removing', int(now), blob) end
  return begun
end

local function each(index, score, act)
  local ids = due(index, score)
  for _, job_id in ipairs(ids) do
    local job = load(job_id)
    if job then act(job_id, job) else redis.call('ZREM', 'pdfgateway:' .. index, job_id) end
  end
  return #ids
end

-- What time brings about, at most `batch_max` jobs of each kind. The queue is first in, first out: a job that waits although
-- later ones were taken, or although the queue is empty, has lost its message on the way, and gets another one.
function operations.sweep()
  local retried = each('retrying', int(now), requeue)
  local lapsed = 0
  if arg.leases == '1' then lapsed = each('leases', int(now), sweep_lapsed) end
  local overdue = each('deadlines', int(now), sweep_overdue)
  local before = now - arg.lost_us
  if redis.call('LLEN', arg.queue) > 0 then
    before = math.min(before, tonumber(redis.call('GET', 'pdfgateway:frontier') or 0) - arg.lost_us)
  end
  local lost = each('queued', int(before), enqueue)
  local expired = each('expiry', int(now), sweep_expired)
  redis.call('ZREMRANGEBYSCORE', 'pdfgateway:consumers', '-inf', int(now - arg.consumer_us))
  return {'OK', retried, lapsed, overdue, lost, expired, unpack(claim_blobs())}
end

return operations[operation]()
