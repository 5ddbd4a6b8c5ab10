// Finds public symbols without documentation: everything that the index files of package.json's subpaths export, down to
// the members of interfaces, classes and types. It reads the syntax alone, so that it needs no build.
//
// A symbol is documented by a `/** ... */` above it. A constant is also documented by the one above an earlier constant,
// if no blank line is between them and both names begin with the same word (`FLAG_INITIATOR`, `FLAG_RESPONSE`): such a
// comment describes the table. The comment above a member whose type is a literal on one line describes that literal's
// members. What is marked `@internal` is left out; TypeDoc and the declarations leave it out too.

import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import ts from 'typescript';
import { sourceRoot } from '../../targets/build/root.ts';

/** Gives a file's text by its path from the root. */
export type ReadSource = (file: string) => string;

interface Declared {
  file: string;
  node: ts.Statement;
}

function ofRoot(file: string): string {
  return readFileSync(join(sourceRoot(), file), 'utf8');
}

function commentsOf(node: ts.Node): string[] {
  const text = node.getSourceFile().text;
  const comments: string[] = [];
  for (const range of ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []) {
    const comment = text.slice(range.pos, range.end);
    if (comment.startsWith('/**')) comments.push(comment);
  }
  return comments;
}

function hasText(comment: string): boolean {
  return /\p{L}{2}/u.test(comment.replace(/@\w+/g, ''));
}

function isDocumented(node: ts.Node): boolean {
  const last = commentsOf(node).at(-1);
  return last !== undefined && hasText(last);
}

function isInternal(node: ts.Node): boolean {
  return commentsOf(node).at(-1)?.includes('@internal') === true;
}

function isHidden(node: ts.Node): boolean {
  if (isInternal(node)) return true;
  if (!ts.canHaveModifiers(node)) return false;
  for (const modifier of ts.getModifiers(node) ?? []) {
    if (modifier.kind === ts.SyntaxKind.PrivateKeyword || modifier.kind === ts.SyntaxKind.ProtectedKeyword) return true;
  }
  return false;
}

function firstWord(name: string): string {
  return /^[^_]+/.exec(name)?.[0] ?? name;
}

function constantsOf(statement: ts.Statement | undefined): string[] {
  if (statement === undefined || !ts.isVariableStatement(statement)) return [];
  return statement.declarationList.declarations.map((declaration) => declaration.name.getText());
}

/** Whether a comment above an earlier constant of the same run of lines, of the same first word, stands for this one. */
function isInTable(statement: ts.VariableStatement, name: string): boolean {
  const source = statement.getSourceFile();
  let at = source.statements.indexOf(statement);
  while (at > 0) {
    const between = source.text.slice(source.statements[at - 1]?.end ?? 0, source.statements[at]?.getStart());
    if (/\n\s*\n/.test(between)) return false;
    at--;
    const before = source.statements[at];
    const names = constantsOf(before);
    if (names.length === 0) return false;
    if (before !== undefined && isDocumented(before) && names.some((other) => firstWord(other) === firstWord(name))) {
      return true;
    }
  }
  return false;
}

function nameOf(member: ts.Node): string {
  if (ts.isConstructorDeclaration(member)) return 'constructor';
  if (ts.isCallSignatureDeclaration(member)) return '()';
  if (ts.isIndexSignatureDeclaration(member)) return '[]';
  const name = (member as ts.NamedDeclaration).name;
  return name === undefined ? '?' : name.getText();
}

function missingInType(type: ts.Node | undefined, path: string, found: string[]): void {
  if (type === undefined) return;
  if (ts.isTypeLiteralNode(type)) {
    if (type.getText().includes('\n')) missingMembers(type.members, path, found);
  } else if (ts.isUnionTypeNode(type) || ts.isIntersectionTypeNode(type)) {
    for (const part of type.types) missingInType(part, path, found);
  } else if (ts.isArrayTypeNode(type)) missingInType(type.elementType, path, found);
  else if (ts.isParenthesizedTypeNode(type) || ts.isTypeOperatorNode(type)) missingInType(type.type, path, found);
}

function missingMembers(members: readonly ts.Node[], path: string, found: string[]): void {
  for (const member of members) {
    if (isHidden(member)) continue;
    const name = path + '.' + nameOf(member);
    if (!isDocumented(member)) found.push(name);
    if (ts.isPropertySignature(member) || ts.isPropertyDeclaration(member)) missingInType(member.type, name, found);
  }
}

function missingIn(reader: Reader, { file, node }: Declared, name: string, found: string[]): void {
  if (isInternal(node)) return;
  const documented = isDocumented(node) || (ts.isVariableStatement(node) && isInTable(node, name));
  if (!documented) found.push(name);
  if (ts.isInterfaceDeclaration(node)) {
    missingMembers(node.members, name, found);
    missingInherited(reader, file, node, name, found);
  } else if (ts.isClassDeclaration(node)) missingMembers(node.members, name, found);
  else if (ts.isTypeAliasDeclaration(node)) missingInType(node.type, name, found);
  else if (ts.isVariableStatement(node)) {
    for (const declaration of node.declarationList.declarations) {
      if (declaration.name.getText() === name) missingInType(declaration.type, name, found);
    }
  }
}

function isExported(node: ts.Statement): boolean {
  if (!ts.canHaveModifiers(node)) return false;
  return ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) === true;
}

function declaredNames(node: ts.Statement): string[] {
  if (ts.isVariableStatement(node)) return constantsOf(node);
  const name = (node as unknown as ts.NamedDeclaration).name;
  return name === undefined ? [] : [name.getText()];
}

function missingInherited(
  reader: Reader,
  file: string,
  node: ts.InterfaceDeclaration,
  name: string,
  found: string[],
): void {
  for (const { types } of node.heritageClauses ?? []) {
    for (const { expression } of types) {
      if (!ts.isIdentifier(expression)) continue;
      const base = reader.interfaceNamed(file, expression.text);
      if (base === undefined) continue;
      missingMembers(base.node.members, name, found);
      missingInherited(reader, base.file, base.node, name, found);
    }
  }
}

function fileOf(file: string, specifier: ts.Expression | undefined): string {
  if (specifier === undefined || !ts.isStringLiteral(specifier)) throw new Error(file + ': an export of no file');
  return posix.join(dirname(file), specifier.text);
}

class Reader {
  private readonly sources = new Map<string, ts.SourceFile>();
  private readonly read: ReadSource;

  constructor(read: ReadSource) {
    this.read = read;
  }

  private source(file: string): ts.SourceFile {
    let source = this.sources.get(file);
    if (source === undefined) {
      source = ts.createSourceFile(file, this.read(file), ts.ScriptTarget.ES2022, true);
      this.sources.set(file, source);
    }
    return source;
  }

  /** Exported names of a file, with the statements that declare them. */
  exportsOf(file: string): Map<string, Declared[]> {
    const found = new Map<string, Declared[]>();
    for (const node of this.source(file).statements) {
      if (ts.isExportDeclaration(node)) {
        this.exported(file, node, found);
      } else if (isExported(node)) {
        for (const name of declaredNames(node)) found.set(name, [...(found.get(name) ?? []), { file, node }]);
      }
    }
    return found;
  }

  private exported(file: string, node: ts.ExportDeclaration, found: Map<string, Declared[]>): void {
    const from = node.moduleSpecifier;
    if (node.exportClause === undefined) {
      for (const [name, declared] of this.exportsOf(fileOf(file, from))) found.set(name, declared);
    } else if (ts.isNamedExports(node.exportClause)) {
      for (const element of node.exportClause.elements) {
        const name = (element.propertyName ?? element.name).text;
        const other = from === undefined ? this.importedFrom(file, name) : fileOf(file, from);
        const declared = this.exportsOf(other).get(name);
        if (declared === undefined) throw new Error(file + ': ' + other + ' does not export ' + name);
        found.set(element.name.text, declared);
      }
    }
  }

  /** The file that a file imports a name from, to export it again. */
  private importedFrom(file: string, name: string): string {
    for (const node of this.source(file).statements) {
      if (!ts.isImportDeclaration(node)) continue;
      const named = node.importClause?.namedBindings;
      if (named === undefined || !ts.isNamedImports(named)) continue;
      if (named.elements.some((element) => element.name.text === name)) return fileOf(file, node.moduleSpecifier);
    }
    throw new Error(file + ': exports ' + name + ', which it neither declares nor imports');
  }

  /** The interface that a name means in a file; undefined for one of the language, or of a package. */
  interfaceNamed(file: string, name: string): { file: string; node: ts.InterfaceDeclaration } | undefined {
    for (const node of this.source(file).statements) {
      if (ts.isInterfaceDeclaration(node) && node.name.text === name) return { file, node };
      if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) continue;
      const named = node.importClause?.namedBindings;
      if (named === undefined || !ts.isNamedImports(named) || !node.moduleSpecifier.text.startsWith('.')) continue;
      for (const element of named.elements) {
        if (element.name.text !== name) continue;
        return this.interfaceNamed(fileOf(file, node.moduleSpecifier), (element.propertyName ?? element.name).text);
      }
    }
    return undefined;
  }
}

/** Public symbols and members that have no documentation, as `file: Name.member`, sorted. */
export function undocumented(entries: readonly string[], read: ReadSource = ofRoot): string[] {
  const reader = new Reader(read);
  const found = new Set<string>();
  for (const entry of entries) {
    for (const [name, declared] of reader.exportsOf(entry)) {
      const missing: string[] = [];
      // Overloads share the first one's documentation.
      const first = declared[0];
      if (first !== undefined) missingIn(reader, first, name, missing);
      for (const path of missing) found.add(first?.file + ': ' + path);
    }
  }
  return [...found].sort();
}
