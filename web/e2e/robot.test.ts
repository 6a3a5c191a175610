// An admin adds a robot with the line that the page shows.
import { expect, test } from "vitest";
import { openWindow } from "./lib/browser.ts";
import { end, startBeside, startServer } from "./lib/server.ts";

test("a robot that is started with the shown token turns the page green, and goes offline when it stops", async () => {
  const server = await startServer();
  const { page } = await openWindow(server);

  await page.goto(`${server.url}/robots`);
  await page.getByText("There is no robot yet").waitFor();
  await page.getByRole("link", { name: "Add a robot" }).first().click();
  const line = page.getByText(/install\.sh/);
  await line.waitFor();
  const token = /be_[0-9a-f_]+/.exec(await line.innerText())?.[0];
  expect(token).toBeDefined();

  const robot = startBeside(server, ["robot", "--name", "sap-1", "--label", "sap", "--slots", "2", "--server", server.url, "--token", token ?? "", "--data", "robot"]);
  await page.getByText("sap-1 is connected").waitFor();
  await page.getByRole("link", { name: "Open it" }).click();
  await page.getByRole("heading", { name: "sap-1" }).waitFor();
  await page.getByText("Online", { exact: true }).first().waitFor();

  await page.getByRole("link", { name: "Robots" }).first().click();
  const row = page.getByRole("row", { name: /sap-1/ });
  await row.getByText("Online").waitFor();
  await row.getByText("0/2").waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByText("1 of 1").waitFor();
  await page.goBack();
  await end(robot);
  await row.getByText("Offline").waitFor();
});

test("a drained robot says that it may be restarted, in the list and on its page", async () => {
  const server = await startServer({ robot: true });
  const { page } = await openWindow(server);
  await page.goto(`${server.url}/robots`);
  const row = page.getByRole("row").nth(1);
  await row.getByText(/Online|Busy/).waitFor();
  const robot = (await server.do("GET", "/robots")).items[0].id as string;
  await server.do("POST", `/robots/${robot}/drain`, { comment: "updates at six" });
  await row.getByText("Drained", { exact: true }).waitFor();
  await row.getByText("updates at six").waitFor();
  await row.getByRole("link").first().click();
  await page.getByText("safe to restart").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("Online", { exact: true }).first().waitFor();
  expect(await page.getByText("safe to restart").count()).toBe(0);
});
