console.log("core")
