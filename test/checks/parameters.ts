// How many parameters a function of the core may take. Beyond the limit, what belongs together is a record that callers
// make once and use again (Aead, Address, Bound), which costs nothing per packet.

import ts from 'typescript';

export const MOST_PARAMETERS = 7;

/** Functions that take more, as `file name`, and why. */
export const MORE_PARAMETERS: Readonly<Record<string, string>> = {
  'core/esp/outbound.ts outbound':
    'the entry of the data plane: SA, packet and room as (octets, offset, length) like inbound, and the time',
  'core/eesp/outbound.ts outboundEesp': 'like outbound',
  'core/ah/outbound.ts outboundAh': 'like outbound',
  'core/esp/coap.ts outboundCoap': 'like outbound',
  // Being cut.
};

/** The names of functions, methods, members of interfaces and function types of `text` with too many parameters. */
export function longLists(text: string): string[] {
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && node.parameters.length > MOST_PARAMETERS) {
      // A function without a name is called by what it is given to.
      const named = node.name ?? (node.parent as ts.NamedDeclaration).name;
      found.push(named === undefined ? 'line ' + lineOf(source, node) : named.getText(source));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}
