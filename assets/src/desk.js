console.log("desk")
