// Tables of text are read as spreadsheets write them.
import { expect, test } from "vitest";
import { csvRows, evenRows } from "./csv";

test("quotes keep separators, line ends and quotes", () => {
  expect(csvRows('name,note\r\n"a, b","said ""no""\nand left"\r\n', 10, 10)).toEqual({ rows: [["name", "note"], ["a, b", 'said "no"\nand left']], cut: false });
});

test("the separator is the one that the first line has, and a mark at the beginning is no part of it", () => {
  expect(csvRows("\uFEFFnr;betrag\n1;1,50", 10, 10).rows).toEqual([["nr", "betrag"], ["1", "1,50"]]);
  expect(csvRows("a\tb\n1\t", 10, 10).rows).toEqual([["a", "b"], ["1", ""]]);
});

test("rows and cells are bounded, and it is said that there is more", () => {
  expect(csvRows("1,2,3\n4,5,6\n7,8,9\n", 2, 2)).toEqual({ rows: [["1", "2"], ["4", "5"]], cut: true });
  expect(csvRows("1\n2\n", 2, 2).cut).toBe(false);
  expect(csvRows("", 2, 2).rows).toEqual([]);
});

test("a row that is wider than the first keeps its cells", () => {
  expect(evenRows(csvRows("Report\nname,amount\nAcme,3\n", 10, 10).rows)).toEqual([["Report", ""], ["name", "amount"], ["Acme", "3"]]);
  expect(evenRows([])).toEqual([]);
});
