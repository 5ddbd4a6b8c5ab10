// Joins the parts of a specialised device (targets/special, and what they use of core/) into one TypeScript text for one profile:
// without imports, without what the profile does not need. It goes to esbuild for JavaScript, to typescript-to-lua for Lua, and
// people can read it.
//
// The parts share one scope, so a name is declared once in all of them. Only the entry may have statements that do something.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { SourceFile, Statement } from 'typescript';
import { buildTool } from '../root.ts';
import { type Compiler, type Constants, createFolder, literal } from './fold.ts';
import { shrink } from './shrink.ts';
import { checkSyntax } from './syntax.ts';

/** What is joined, and how. */
export interface JoinOptions {
  /** Absolute path of the entry: what it exports or does is kept, and all that needs. */
  entry: string;
  /** Values of `P.name`. */
  profile: Constants;
  /** Modules that another one stands in for, absolute paths. */
  replace?: Readonly<Record<string, string>>;
  /** False: what folding leaves without use inside functions stays; it takes a fourth of the time. Default true. */
  isShrunk?: boolean;
  /** False: files that are imported for types alone are left out, so nothing can check the text's types. Default true. */
  hasTypes?: boolean;
  /** Texts of files by absolute path, instead of what is on disk. */
  texts?: Readonly<Record<string, string>>;
}

/** A top-level statement of the joined text. */
interface Item {
  statement: Statement;
  file: SourceFile;
  /** Names that it declares. */
  names: string[];
  /** It stays whether or not something uses it. */
  isRoot: boolean;
}

/** Files that were parsed, by path: many profiles are joined of the same ones, and nothing changes them. */
const parsed = new Map<string, SourceFile>();

/** Reads the entry and what it imports, in the order in which initialisers may run. */
function readModules(ts: Compiler, options: JoinOptions): SourceFile[] {
  const done = new Map<string, SourceFile | null>();
  const order: SourceFile[] = [];
  const visit = (path: string): void => {
    const file = options.replace?.[path] ?? path;
    if (done.has(file)) return;
    done.set(file, null);
    const text = options.texts?.[file] ?? readFileSync(file, 'utf8');
    const known = parsed.get(file);
    const source = known?.text === text ? known : ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
    parsed.set(file, source);
    for (const statement of source.statements) {
      const from =
        ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement) ? statement.moduleSpecifier : undefined;
      if (from === undefined) continue;
      const isOfTypes = ts.isImportDeclaration(statement) && statement.importClause?.isTypeOnly === true;
      if (isOfTypes && options.hasTypes === false) continue;
      const name = (from as { text?: string }).text!;
      if (!name.startsWith('.')) throw new Error(`${file}: ${name}: a part imports files of the project only`);
      visit(resolve(dirname(file), name));
    }
    order.push(source);
  };
  visit(options.entry);
  return order;
}

/** Throws where an import gives a name another name: all parts share one scope. The entry may export under other names. */
function checkImports(ts: Compiler, source: SourceFile, isEntry: boolean): void {
  for (const statement of source.statements) {
    const names = ts.isImportDeclaration(statement)
      ? statement.importClause?.namedBindings
      : ts.isExportDeclaration(statement)
        ? statement.exportClause
        : undefined;
    const isImport = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
    if (!isImport) continue;
    if (names === undefined || !('elements' in names)) {
      throw new Error(`${source.fileName}: only named imports can be joined`);
    }
    if (isEntry && ts.isExportDeclaration(statement)) continue;
    for (const element of names.elements) {
      if ('propertyName' in element && element.propertyName !== undefined) {
        throw new Error(`${source.fileName}: ${element.name.getText()}: an import keeps its name`);
      }
    }
  }
}

/** Names that a statement declares; null: it declares nothing. */
function declared(ts: Compiler, statement: Statement): string[] | null {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => (ts.isIdentifier(name) ? name.text : ''));
  }
  if (
    ts.isFunctionDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement)
  ) {
    return [statement.name!.text];
  }
  return null;
}

/** What the entry exports of other modules: the name there, and the name outside. */
function exportsOf(ts: Compiler, entry: SourceFile): Map<string, string> {
  const names = new Map<string, string>();
  for (const statement of entry.statements) {
    if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) continue;
    if (!ts.isNamedExports(statement.exportClause)) continue;
    for (const { name, propertyName } of statement.exportClause.elements) {
      names.set((propertyName ?? name).text, name.text);
    }
  }
  return names;
}

function itemsOf(ts: Compiler, file: SourceFile, isEntry: boolean): Item[] {
  const items: Item[] = [];
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) continue;
    const names = declared(ts, statement);
    if (names === null && !isEntry) {
      throw new Error(`${file.fileName}: only the entry does something: ${statement.getText().slice(0, 60)}`);
    }
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    const isExported = modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    items.push({ statement, file, names: names ?? [], isRoot: isEntry && (names === null || isExported) });
  }
  return items;
}

/** `declare const name: Type;`: the name and the type; null for another statement. */
function ambient(ts: Compiler, { statement, file }: Item): [string, string] | null {
  if (!ts.isVariableStatement(statement)) return null;
  const { modifiers, declarationList } = statement;
  if (modifiers?.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword) !== true) return null;
  const [{ name, type }] = declarationList.declarations;
  return [name.getText(file), type === undefined ? 'any' : type.getText(file)];
}

/** What the engine gives: each name once, with all that the parts say of it. */
function ambients(ts: Compiler, items: readonly Item[]): string {
  const types = new Map<string, Set<string>>();
  for (const item of items) {
    const pair = ambient(ts, item);
    if (pair === null || pair[0] === 'P') continue;
    types.set(pair[0], (types.get(pair[0]) ?? new Set()).add(pair[1]));
  }
  return [...types]
    .map(
      ([name, of]) => `declare const ${name}: ${[...of].join(' & ')};
`,
    )
    .join('');
}

/** Both declare one constant with the same literal. */
function isSameConstant(ts: Compiler, a: Statement, b: Statement): boolean {
  const [first, second] = [a, b].map((statement) => {
    if (!ts.isVariableStatement(statement) || statement.declarationList.declarations.length !== 1) return undefined;
    const { initializer } = statement.declarationList.declarations[0];
    return initializer === undefined ? undefined : literal(ts, initializer);
  });
  return first !== undefined && first === second;
}

/** A name stands for one thing. */
function checkNames(ts: Compiler, items: readonly Item[]): void {
  const seen = new Map<string, Item>();
  for (const item of items) {
    if (ambient(ts, item) !== null) continue;
    for (const name of item.names) {
      const other = seen.get(name);
      seen.set(name, item);
      if (other === undefined || other.statement.getText(other.file) === item.statement.getText(item.file)) continue;
      // The same number is the same constant.
      if (isSameConstant(ts, other.statement, item.statement)) continue;
      // A type and a value live apart.
      if (ts.isInterfaceDeclaration(other.statement) !== ts.isInterfaceDeclaration(item.statement)) continue;
      throw new Error(`${name}: declared in ${other.file.fileName} and in ${item.file.fileName}`);
    }
  }
}

/** Names that a statement mentions, those of properties left out. */
function mentioned(ts: Compiler, statement: Statement, names: Set<string>): void {
  const visit = (node: import('typescript').Node): void => {
    if (ts.isIdentifier(node)) {
      names.add(node.text);
      return;
    }
    if (ts.isPropertyAccessExpression(node)) visit(node.expression);
    else if (ts.isPropertyAssignment(node)) visit(node.initializer);
    else if (ts.isPropertySignature(node) || ts.isMethodSignature(node)) {
      node.forEachChild((child) => {
        if (child !== node.name) visit(child);
      });
    } else node.forEachChild(visit);
  };
  statement.forEachChild(visit);
}

/** The items that the roots need, in their order. */
function reachable(ts: Compiler, items: readonly Item[]): Item[] {
  const byName = new Map<string, Item[]>();
  for (const item of items) for (const name of item.names) byName.set(name, [...(byName.get(name) ?? []), item]);
  const kept = new Set(items.filter(({ isRoot }) => isRoot));
  // The set grows while the loop runs.
  for (const item of kept) {
    const names = new Set<string>();
    mentioned(ts, item.statement, names);
    for (const name of names) for (const needed of byName.get(name) ?? []) kept.add(needed);
  }
  return items.filter((item) => kept.has(item));
}

/** The declarations that the roots need, as text. */
function pruned(
  ts: Compiler,
  file: SourceFile,
  isKept: (name: string) => boolean,
  exported: ReadonlySet<string>,
): string {
  const items = file.statements.map((statement): Item => {
    const names = declared(ts, statement) ?? [];
    return { statement, file, names, isRoot: names.length === 0 || names.some(isKept) };
  });
  return reachable(ts, items)
    .map(({ statement, names }) => {
      const own = statement.getFullText(file).replace('// root\n', '').trim();
      if (names.some((name) => exported.has(name))) return own;
      return own.replace(/^((?:\/\*\*[\s\S]*?\*\/|\/\/.*|\s)*)export /, '$1');
    })
    .join('\n\n')
    .concat('\n');
}

/** One text, with the constants of a profile in it. Throws where the parts cannot be joined. */
export async function joinParts(options: JoinOptions): Promise<string> {
  const ts = (await buildTool('typescript', () => import('typescript'))).default as Compiler;
  const sources = readModules(ts, options);
  const entry = sources[sources.length - 1];
  for (const source of sources) {
    checkImports(ts, source, source === entry);
    checkSyntax(ts, source);
  }
  const passedOn = exportsOf(ts, entry);
  const all = sources.flatMap((source) => itemsOf(ts, source, source === entry));
  checkNames(ts, all);
  const printer = ts.createPrinter({ removeComments: false });
  const fold = createFolder(
    ts,
    options.profile,
    all.map(({ statement }) => statement),
  );
  let text = ambients(ts, all);
  for (const item of all) {
    if (ambient(ts, item) !== null) continue;
    const { statement, file, isRoot, names } = item;
    for (const folded of fold(statement)) {
      const keep = isRoot ? (names.length > 0 ? '' : '// root\n') : '';
      text += keep + printer.printNode(ts.EmitHint.Unspecified, folded, file) + '\n';
    }
  }
  const rootNames = new Set(all.flatMap(({ isRoot, names }) => (isRoot ? names : [])));
  const isKept = (name: string): boolean => rootNames.has(name) || passedOn.has(name);
  // Printed and read again: what follows looks at plain text that has no more than one origin.
  const prune = (file: SourceFile): string => pruned(ts, file, isKept, rootNames);
  const first = prune(ts.createSourceFile('device.ts', text, ts.ScriptTarget.ES2022, true));
  const names = [...passedOn].map(([own, name]) => `${own} as ${name}`).join(', ');
  const last = options.isShrunk === false ? first : shrink(ts, first, isKept, prune);
  return last + (names === '' ? '' : `\nexport { ${names} };\n`);
}

/** Which file each top-level name of the parts comes from. */
export async function originsOf(options: JoinOptions): Promise<Map<string, string>> {
  const ts = (await buildTool('typescript', () => import('typescript'))).default as Compiler;
  const origins = new Map<string, string>();
  for (const source of readModules(ts, options)) {
    for (const statement of source.statements) {
      for (const name of declared(ts, statement) ?? []) origins.set(name, source.fileName);
    }
  }
  return origins;
}
