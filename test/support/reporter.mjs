// A reporter for node:test that writes one JSON object per event: what test/run.ts reads. Plain JavaScript, since Node
// loads a reporter before anything else.

/** The innermost message of a test's error, with its stack. */
function errorText(error) {
  if (error === undefined || error === null) return '';
  const cause = error.cause ?? error;
  if (typeof cause === 'string') return cause;
  return String(cause.stack ?? cause.message ?? cause);
}

export default async function* reporter(source) {
  for await (const event of source) {
    const { type, data } = event;
    if (type === 'test:pass' || type === 'test:fail') {
      const line = {
        type,
        name: data.name,
        nesting: data.nesting,
        suite: data.details?.type === 'suite',
        skip: data.skip,
        todo: data.todo,
        failure: data.details?.error?.failureType,
        error: type === 'test:fail' ? errorText(data.details?.error) : '',
      };
      yield JSON.stringify(line) + '\n';
    } else if (
      type === 'test:diagnostic' &&
      !/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) \d/.test(data.message)
    ) {
      yield JSON.stringify({ type, message: data.message }) + '\n';
    }
  }
}
